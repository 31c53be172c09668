"""Decisions and effects as rows, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from framework.moderation.decisions.decision import Effect, LoggedEffect, MessageDecision, RuleHit
from framework.moderation.rules.outcome import Outcome
from framework.values import well_formed

_EMPTY: dict[type, str] = {list: "[]", dict: "{}"}


def row_of(decision: MessageDecision) -> dict[str, Any]:
    """The row of a decision."""
    rules = [[hit.name, hit.where, str(hit.outcome), list(hit.found)] for hit in decision.rules]
    return {
        "id": decision.id,
        "at": decision.at.timestamp(),
        "bot": decision.bot,
        "channel": clean(decision.channel),
        "user_id": clean(decision.user_id),
        "message_id": clean(decision.message_id),
        "content": decision.content,
        "origin": decision.origin,
        "outcome": str(decision.outcome),
        "rules": as_json(rules),
        "late": as_json(list(decision.late)),
        "said": clean(decision.said),
        "text": clean(decision.text),
    }


def effect_rows(decision: MessageDecision) -> list[dict[str, Any]]:
    """The rows of what is to be done, due at once."""
    return [
        {
            "decision": decision.id,
            "number": number,
            "kind": effect.kind,
            "details": as_json(dict(effect.details)),
            "state": "open",
            "tries": 0,
            "due": decision.at.timestamp(),
            "error": "",
        }
        for number, effect in enumerate(decision.effects)
    ]


def decision_of(row: Mapping[str, Any], effects: tuple[Effect, ...] = ()) -> MessageDecision:
    """A decision out of its row."""
    rules = [
        RuleHit(name, where, Outcome(outcome), tuple(found)) for name, where, outcome, found in _read(row["rules"])
    ]
    return MessageDecision(
        at=datetime.fromtimestamp(row["at"], UTC),
        bot=row["bot"],
        channel=row["channel"],
        user_id=row["user_id"],
        content=row["content"],
        origin=row["origin"],
        outcome=Outcome(row["outcome"]),
        message_id=row["message_id"],
        rules=tuple(rules),
        late=tuple(_read(row["late"])),
        said=row["said"],
        text=row["text"],
        effects=effects,
        id=row["id"],
    )


def logged_effect(row: Mapping[str, Any]) -> LoggedEffect:
    """An effect out of its row."""
    return LoggedEffect(row["kind"], _read(row["details"]), row["state"], row["tries"], row["error"])


def clean(text: str) -> str:
    """The text as every database takes it: without NUL and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return well_formed(text).replace("\0", "\ufffd")


def as_json(value: object) -> str:
    """JSON that every database takes: NUL and halves of surrogate pairs are escaped, and NUL is left out."""
    return json.dumps(value, ensure_ascii=True).replace("\\u0000", "") if value else _EMPTY[type(value)]


def _read(text: str) -> Any:  # noqa: ANN401 - JSON of our own
    return json.loads(text)
