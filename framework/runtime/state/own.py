"""What a message of the bot's own records in its custom fields. Nobody else's fields are ever read as a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from framework.stream.model import Message

REPLY_TO = "reply_to"
"""The field with the id of the message that a reply answers."""
MADE_UP = "made_up"
"""The field of a reply that no message led to: `reply_to` then names what happened."""
ANSWERS = "answers"
"""The field of a reply that answers several messages: their ids."""
PART_OF = "part_of"
"""The field of a further message of a long reply: the id of its first one."""
OUTCOME = "outcome"
NOTE = "note"
"""The field of a message that is no answer: words for the team, or for the time until an answer comes."""
REVIEW = "review"
"""The field of a message that asks the team for a decision."""
COVERS = "covers_before"
"""The field of a reply that speaks of everything written before it: the next one of its kind begins there."""
CAMPAIGN = "campaign"
"""The field of a message that a campaign sent: its name, run, part and variant."""
PROMISE = "promise"
"""The field of a message that makes or keeps a promise: the promise's id."""
FAILED = "failed"
"""The outcome of an apology for a technical problem."""


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """A message that the bot wrote, and what it records. Texts are empty if nothing is recorded."""

    message: Message

    @property
    def id(self) -> str:
        """The message's id."""
        return self.message.id

    @property
    def reply_to(self) -> str:
        """The id of the message that it answers, or, with `made_up`, of what happened."""
        return self._text(REPLY_TO)

    @property
    def made_up(self) -> bool:
        """Whether no message led to it."""
        return self.message.custom.get(MADE_UP) is True

    @property
    def answers(self) -> tuple[str, ...]:
        """The ids of the messages that it answers together."""
        ids = self.message.custom.get(ANSWERS)
        return tuple(one for one in ids if isinstance(one, str) and one) if isinstance(ids, (list, tuple)) else ()

    @property
    def part_of(self) -> str:
        """The id of the reply of which it is a further message."""
        return self._text(PART_OF)

    @property
    def outcome(self) -> str:
        """What came of the turn."""
        return self._text(OUTCOME)

    @property
    def note(self) -> str:
        """The kind of note that it is."""
        return self._text(NOTE)

    @property
    def review(self) -> Mapping[str, Any] | None:
        """The decision that the team is asked for."""
        value = self.message.custom.get(REVIEW)
        return value if isinstance(value, Mapping) else None

    @property
    def covers(self) -> bool:
        """Whether it speaks of everything written before it."""
        return self.message.custom.get(COVERS) is True

    @property
    def is_deleted(self) -> bool:
        """Whether somebody deleted it."""
        return self.message.deleted_at is not None or self.message.kind == "deleted"

    @property
    def is_unfinished(self) -> bool:
        """Whether a turn began it and did not complete it."""
        return self.message.generating and not self.is_deleted

    @property
    def is_apology(self) -> bool:
        """Whether it says that something failed."""
        return self.outcome == FAILED

    @property
    def is_aside(self) -> bool:
        """Whether it is about an answer and none itself: a note, or a question to the team."""
        return bool(self.note) or self.review is not None

    def is_reply_to(self, trigger: str, *, made_up: bool = False) -> bool:
        """Whether it is the reply to this message (or, with `made_up`, to what happened): the last of its messages,
        where it answers several.
        """
        return trigger != "" and self.reply_to == trigger and self.made_up == made_up

    def answered(self) -> tuple[str, ...]:
        """The ids of the messages that it answers, several where they were answered together."""
        return () if self.made_up else tuple(dict.fromkeys(filter(None, (*self.answers, self.reply_to))))

    def _text(self, field: str) -> str:
        value = self.message.custom.get(field)
        return value if isinstance(value, str) else ""


def campaign_of(message: Message, bot_user_id: str) -> tuple[str, int] | None:
    """Return the campaign that a message of the bot's belongs to, and the number of its run."""
    value = message.custom.get(CAMPAIGN)
    if message.user.id != bot_user_id or not bot_user_id or not isinstance(value, Mapping):
        return None
    name, number = value.get("name"), value.get("run")
    return (name, number) if isinstance(name, str) and isinstance(number, int) else None


def campaign_language(message: Message, bot_user_id: str) -> str:
    """Return the language in which a campaign wrote a message; "" if none did, or if there is one for all."""
    value = message.custom.get(CAMPAIGN)
    language = value.get("language") if campaign_of(message, bot_user_id) and isinstance(value, Mapping) else ""
    return language if isinstance(language, str) else ""


def own(message: Message | None, bot_user_id: str) -> OwnMessage | None:
    """Return what a message records. None for every message that somebody else wrote, whatever its fields say."""
    if message is None or not bot_user_id or message.user.id != bot_user_id:
        return None
    return OwnMessage(message)


def answers_in(messages: Iterable[Message], bot_user_id: str, *, deleted: bool) -> dict[str, OwnMessage]:
    """Return the bot's replies among these messages, by the ids of the messages that they answer.

    A reply that is not complete counts, and so does one that answers several messages. With `deleted`, so does one that
    somebody deleted. If a message has several replies, the last one is returned.
    """
    found = (own(message, bot_user_id) for message in messages)
    ours = (one for one in found if one is not None and (deleted or not one.is_deleted))
    return {id_: one for one in ours for id_ in one.answered()}


def reply_among(
    messages: Iterable[Message], bot_user_id: str, *, trigger: str, made_up: bool = False, ids: Iterable[str] = ()
) -> OwnMessage | None:
    """Return the first message of the bot's that records to be the reply to a trigger, or has one of these ids."""
    known = frozenset(ids)
    for message in messages:
        one = own(message, bot_user_id)
        if one is not None and (one.is_reply_to(trigger, made_up=made_up) or one.id in known):
            return one
    return None
