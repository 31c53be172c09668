"""What the endpoint answers: let the message pass, change it, or refuse it with a text for its author."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from framework.moderation.guard import GuardDecision
from framework.moderation.message import Piece
from framework.moderation.rules.outcome import Outcome

PASSED: Mapping[str, Any] = {}
_FIXED = frozenset({"poll", "args", "mentioned_users", "shared_location"})
"""Fields whose texts the service does not take from the answer."""


def refusal(text: str) -> Mapping[str, Any]:
    """The answer for a message that is not sent. Its author reads the text."""
    return {"message": {"type": "error", "text": text}}


def is_changeable(changed: Sequence[Piece]) -> bool:
    """Whether the service takes over all these changes."""
    return not any(piece.path[0] in _FIXED for piece in changed)


def answer_of(decision: GuardDecision, message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of the answer. Of a changed message it holds each field that changed, as a whole."""
    if decision.outcome is Outcome.REJECT:
        return refusal(decision.say)
    if not decision.changed:
        return PASSED
    return {"message": changes_of(decision.changed, message)}


def changes_of(changed: Sequence[Piece], message: Mapping[str, Any]) -> dict[str, Any]:
    """Each field of the message that changed, as a whole."""
    fields: dict[str, Any] = {}
    for piece in changed:
        name, *rest = piece.path
        if str(name) not in fields:
            fields[str(name)] = copy.deepcopy(message.get(str(name)))
        if not rest:
            fields[str(name)] = piece.text
            continue
        inner = fields[str(name)]
        for step in rest[:-1]:
            inner = inner[step]
        inner[rest[-1]] = piece.text
    return fields
