"""The ids of what a bot posts: derived from what it answers, so that posting twice is refused, and from a key that only
the app's own processes have, so that nobody else can take them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from framework.stream.ids import IdKey

Purpose = Literal["reply", "draft", "call", "note", "alert", "summary", "resumed", "turn"]
"""The purpose of a message. `turn` is not a message: it is the key by which tools know a turn."""

TRIES = 4
"""Ids for one message. The next one is used where somebody else has a message of the one before."""

_MESSAGES = uuid.UUID("5a1c9be2-4c0e-5c0b-9a53-6f0d1f0c7b11")
_EVENTS = uuid.UUID("c1f8f2f4-8f2f-5d36-8f5e-0f6a2b7f9d54")


@dataclass(frozen=True)
class TurnIds:
    """The ids of what one turn posts. `trigger` is the id of the message that it answers, or, with `made_up`, of what
    happened instead: the two never share an id, so that no message can be posted in the place of an event.
    """

    key: IdKey
    bot_user_id: str
    trigger: str
    made_up: bool = False

    def chain(self, purpose: Purpose, *, part: int = 1, name: str = "") -> tuple[str, ...]:
        """Return the ids for one message, in the order in which they are tried.

        `part` counts the messages that a long text takes, from 1. `name` tells several of one purpose apart.
        """
        return tuple(self._id(purpose, part, name, n) for n in range(TRIES))

    def _id(self, purpose: Purpose, part: int, name: str, n: int) -> str:
        kind = "event" if self.made_up else "message"
        return self.key.id_of(self.bot_user_id, kind, self.trigger, purpose, part, name, n)

    @cached_property
    def reply(self) -> tuple[str, ...]:
        """The ids for the reply, in the order in which they are tried."""
        return self.chain("reply")

    @cached_property
    def first_reply(self) -> str:
        """The first of them, which is the reply's unless somebody else has it."""
        return self._id("reply", 1, "", 0)

    @cached_property
    def turn(self) -> str:
        """The key by which tools know the turn. It is shown to nobody."""
        return self._id("turn", 1, "", 0)

    @cached_property
    def job(self) -> str:
        """The key of the turn's job. Neither a message's id nor secret: it stays when the app's secret changes."""
        namespace = _EVENTS if self.made_up else _MESSAGES
        return str(uuid.uuid5(namespace, _text(f"{self.bot_user_id}\n{self.trigger}")))

    @cached_property
    def former_reply(self) -> str:
        """The id that earlier releases gave the reply. It counts only for messages that the bot wrote."""
        return str(uuid.uuid5(_MESSAGES, _text(f"{self.bot_user_id}\n{self.trigger}"))) if self.made_up else self.job


@dataclass(frozen=True)
class MessageIds:
    """The ids of what one bot posts."""

    key: IdKey
    bot_user_id: str

    def of(self, trigger: str, *, made_up: bool = False) -> TurnIds:
        """Return the ids of the turn for this message, or for what happened."""
        return TurnIds(self.key, self.bot_user_id, trigger, made_up)


def _text(value: str) -> str:
    """The value without what cannot be encoded: a lone surrogate."""
    return value.encode("utf-8", "backslashreplace").decode()
