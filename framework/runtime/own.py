"""What a message of the bot's own records in its custom fields. Nobody else's fields are ever read as a record."""

from __future__ import annotations

from collections.abc import Mapping
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
FAILED = "failed"
"""The outcome of an apology for a technical problem."""


@dataclass(frozen=True)
class OwnMessage:
    """A message that the bot wrote, and what it records. Texts are empty where nothing is recorded."""

    message: Message
    reply_to: str = ""
    made_up: bool = False
    answers: tuple[str, ...] = ()
    part_of: str = ""
    outcome: str = ""
    note: str = ""
    review: Mapping[str, Any] | None = None
    covers: bool = False

    @property
    def id(self) -> str:
        """The message's id."""
        return self.message.id

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


def own(message: Message | None, bot_user_id: str) -> OwnMessage | None:
    """Return what a message records. None for every message that somebody else wrote, whatever its fields say."""
    if message is None or not bot_user_id or message.user.id != bot_user_id:
        return None
    return recorded(message)


def recorded(message: Message) -> OwnMessage:
    """Return what a message records that is known to be the bot's: the answer to posting it."""
    fields = message.custom
    review, answers = fields.get(REVIEW), fields.get(ANSWERS)
    return OwnMessage(
        message,
        reply_to=_text(fields.get(REPLY_TO)),
        made_up=fields.get(MADE_UP) is True,
        answers=tuple(filter(None, map(_text, answers))) if isinstance(answers, (list, tuple)) else (),
        part_of=_text(fields.get(PART_OF)),
        outcome=_text(fields.get(OUTCOME)),
        note=_text(fields.get(NOTE)),
        review=review if isinstance(review, Mapping) else None,
        covers=fields.get(COVERS) is True,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
