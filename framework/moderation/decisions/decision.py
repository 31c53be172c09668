"""A decision on one message: what becomes of it, by which rules, and what is to be done at the chat service."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from framework.moderation.guard import GuardDecision
from framework.moderation.message import Piece, Screened
from framework.moderation.rules.outcome import Outcome

Origin = Literal["before_send", "event", "catch_up", "reply"]
"""When a message was looked at: before it was sent, when an event told of it, when channels were read back, or when
the bot was about to say it.
"""

EffectKind = Literal["flag", "delete", "shadow", "commit", "hold", "rewrite", "drop_from_poll", "mute", "ban", "alert"]
EffectState = Literal["open", "done", "failed"]

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that applied: where it stands (`moderation.yaml:12`), what it wanted, and what it found.

    `found` is for people, such as "zorbax (disguised)". It has terms of the rule and names of kinds.
    """

    name: str
    where: str
    outcome: Outcome
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """A call at the chat service that follows from a decision. `details` are JSON: seconds, a channel, a text."""

    kind: EffectKind
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MessageDecision:
    """What became of one text of one message.

    `message_id` is empty if the service had not named the message yet. `content` is a digest of all its texts as they
    were posted. `late` names the rules that could not be judged in time. `text` is empty unless texts are kept.
    """

    at: datetime
    bot: str
    channel: str
    user_id: str
    content: str
    origin: Origin
    outcome: Outcome = Outcome.ALLOW
    message_id: str = ""
    rules: tuple[RuleHit, ...] = ()
    late: tuple[str, ...] = ()
    said: str = ""
    text: str = ""
    effects: tuple[Effect, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def of(
        cls,
        decided: GuardDecision,
        message: Screened,
        *,
        bot: str,
        at: datetime,
        origin: Origin,
        effects: Sequence[Effect] = (),
        key: bytes = b"",
        keep_text: bool = False,
    ) -> MessageDecision:
        """The record of what a guard decided on a message."""
        return cls(
            at=at,
            bot=bot,
            channel=message.channel,
            user_id=message.user_id,
            content=digest_of(_posted(message.pieces, decided.changed), key),
            origin=origin,
            outcome=decided.outcome,
            message_id=message.message_id,
            rules=tuple(hits_of(decided)),
            said=decided.say,
            text=message.text if keep_text else "",
            effects=tuple(effects),
        )


@dataclass(frozen=True)
class LoggedEffect:
    """An effect as it stands: `error` says why it was not done the last time."""

    kind: EffectKind
    details: Mapping[str, Any]
    state: EffectState
    tries: int = 0
    error: str = ""


@dataclass(frozen=True)
class LoggedDecision:
    """A decision out of the database, with what came of its effects."""

    decision: MessageDecision
    effects: tuple[LoggedEffect, ...] = ()


@dataclass(frozen=True)
class DueEffect:
    """An effect that the caller is to carry out now, with the decision that it follows from."""

    decision: MessageDecision
    number: int
    kind: EffectKind
    details: Mapping[str, Any]
    tries: int


def hits_of(decided: GuardDecision) -> list[RuleHit]:
    """Each rule that applied, for the record."""
    return [
        RuleHit(
            one.rule.name,
            f"{one.where.file.name}:{one.where.line}" if one.where else "",
            one.outcome,
            tuple(dict.fromkeys(f"{finding.what} ({finding.how})" for finding in one.findings)),
        )
        for one in decided.applied
    ]


def digest_of(pieces: Sequence[Piece], key: bytes = b"") -> str:
    """A digest of all texts of a message: the same for the same texts at the same places. With a `key` (at most 64
    bytes), nobody without it can tell a text by trying.
    """
    texts = sorted(("/".join(map(str, piece.path)), piece.text) for piece in pieces)
    encoded = repr(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=DIGEST_BYTES, key=key).hexdigest()


def _posted(pieces: Sequence[Piece], changed: Sequence[Piece]) -> list[Piece]:
    """The texts of a message after the guard changed some."""
    new = {piece.path: piece for piece in changed}
    kept = [new.pop(piece.path, piece) for piece in pieces]
    return [*kept, *new.values()]
