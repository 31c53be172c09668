"""A notice: a short message that a bot sends to people beside its answers, with a push to their phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from framework.errors import ToolError

NoticeState = Literal["sent", "known", "refused"]
MOST_PEOPLE = 100
"""People of one notice. To reach more, send a campaign."""
_LONGEST_TITLE = 200
_LONGEST_TEXT = 4_000


@dataclass(frozen=True)
class Notice:
    """What people are told. `key` names it: nobody gets a notice with the same key twice from the same bot.

    `channel` (TYPE:ID) is where it stands, for these people's eyes alone; empty: each person gets it in a channel of
    the bot and that person. During `quiet_hours` (`22:00-8:00`, in `timezone`) the message comes without a push.
    """

    key: str
    text: str
    title: str = ""
    channel: str = ""
    quiet_hours: str = ""
    timezone: str = "UTC"

    @property
    def shown(self) -> str:
        """The text with its title above."""
        return f"{self.title.strip()}\n{self.text.strip()}".strip()


@dataclass(frozen=True)
class Notified:
    """What became of a notice to one person.

    `sent`: the message stands in `channel`, and the chat service pushes it as the person's preferences say; without a
    push if `is_quiet`. `known`: an earlier call sent it. `refused`: nothing was sent, and `why` says the reason.
    """

    user: str
    state: NoticeState
    channel: str = ""
    message: str = ""
    why: str = ""
    is_quiet: bool = False


@runtime_checkable  # pydantic reads it when it makes a tool's schema from its arguments
class Notifier(Protocol):
    """Sends the notices of one turn."""

    async def send(self, users: Sequence[str], notice: Notice) -> tuple[Notified, ...]:
        """Send a notice to these people, and say what became of it for each. Raises ToolError."""


def people_of(users: str | Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the people to notify, each once. Raises ToolError for none, too many, or what is not an id."""
    named = (users,) if isinstance(users, str) else tuple(users)
    for one in named:
        if not str(one).strip():
            raise ToolError(f"{one!r} is not a user's id: name whom to notify, as in notify('maria', ...).")
    people = tuple(dict.fromkeys(str(one).strip() for one in named))
    if not people:
        raise ToolError("Nobody is named: say whom to notify, as in notify('maria', ...).")
    if len(people) > MOST_PEOPLE:
        raise ToolError(f"A notice goes to {MOST_PEOPLE} people at most, not {len(people)}: send a campaign.")
    return people


def check_notice(notice: Notice) -> Notice:
    """Return a notice that can be sent. Raises ToolError for one without a text, too long, or with wrong hours."""
    from framework.definition.parts.hours import known_zone, read_spans

    if not notice.text.strip():
        raise ToolError("The notice has no text: say what people are to know.")
    if len(notice.title) > _LONGEST_TITLE or len(notice.text) > _LONGEST_TEXT:
        raise ToolError(f"The notice is too long: {_LONGEST_TITLE} characters of title, {_LONGEST_TEXT} of text.")
    try:
        known_zone(notice.timezone)
        read_spans(notice.quiet_hours)
    except ValueError as error:
        raise ToolError(f"notify: {error}") from None
    return notice
