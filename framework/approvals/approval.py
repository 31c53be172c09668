"""Something that waits for a person's word, and the word."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from framework.errors import FrameworkError

Kind = Literal["tool", "draft", "operation"]
State = Literal["waiting", "approved", "denied", "expired", "running", "done"]


class NotWaitingError(FrameworkError):
    """Nothing waits for a decision under this id: it was decided, it expired, or it is not completely shown yet."""


@dataclass(frozen=True)
class Request:
    """What somebody wants a person's word on.

    `scope` is whose it is: a bot's name, or a principal such as "mcp:desktop". `subject` is the tool or the operation.
    `content` is what is decided on, as JSON: the arguments of a call, the texts of an answer. `shown` are the lines
    that people read of it. `asked_by` is the id of the person for whom it is. `key` names it for ever within its
    scope: the same one is asked for once; empty: the same content is asked for once while it waits. `lifetime` is how
    long it may be decided on. `about` is what the asking room has to know again later, as JSON. `on_card`: it can be
    decided on only once `ApprovalStore.shown` said that people see all of it.
    """

    kind: Kind
    scope: str
    subject: str
    content: Mapping[str, Any]
    shown: tuple[str, ...]
    lifetime: timedelta
    asked_by: str = ""
    asked_name: str = ""
    channel: str = ""
    key: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    on_card: bool = True

    @property
    def fingerprint(self) -> str:
        """Of exactly this: it changes with any argument, the asker, the place, and what is shown of it."""
        return fingerprint(self.kind, self.scope, self.subject, self.content, self.asked_by, self.channel)


def fingerprint(kind: Kind, scope: str, subject: str, content: Mapping[str, Any], asked_by: str, channel: str) -> str:
    """SHA-256, in hex, of what is decided on, for whom and where."""
    exact = [kind, scope, subject, content, asked_by, channel]
    return hashlib.sha256(json.dumps(exact, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Card:
    """The messages that show it: their channel, and their ids in order. `seen` is a hash of their texts as the chat
    service keeps them, empty until all of them are posted.
    """

    channel: str
    ids: tuple[str, ...]
    seen: str = ""


@dataclass(frozen=True)
class Decision:
    """A person's word. `by` is the user's id and `name` what people call them. `how` is the message or the reaction
    that said it. `key` names the job that brings it: the same job may come again. `content` is another content in
    place of what was asked for, such as an edited text.
    """

    approve: bool
    by: str
    name: str = ""
    how: str = ""
    key: str = ""
    content: Mapping[str, Any] | None = None

    @property
    def person(self) -> str:
        """The name for people, with the id beside it."""
        return f"{self.name} ({self.by})" if self.name and self.name != self.by else self.by


@dataclass(frozen=True)
class Approval:
    """A request in the store. `id` cannot be guessed. `number` is short, for people: it grants nothing by itself.

    `edited`: the content is the decider's. `result` is what came of it once it was carried out.
    """

    id: str
    number: str
    request: Request
    state: State
    asked_at: datetime
    expires_at: datetime
    seed: str
    fingerprint: str
    card: Card | None = None
    decision: Decision | None = None
    edited: bool = False
    result: str | None = None

    @property
    def content(self) -> Mapping[str, Any]:
        """What was decided on: the decider's own content, if there is one."""
        return self.request.content

    def card_id(self, number: int) -> str:
        """The id of the message that shows part `number`, from 1. It cannot be guessed before it is posted."""
        return hashlib.sha256(f"{self.seed}\ncard\n{number}".encode()).hexdigest()[:32]
