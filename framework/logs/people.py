"""The log of `run` on a terminal: one line for each message, in place of the steps of its turn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any

import structlog

_STEPS = frozenset({"turn.received", "turn.context", "turn.answered", "budget.counted"})
_MEMORY = 10_000
"""Turns that are under way at once."""
_LONGEST = 120
"""Characters of a question."""


class LineForPeople:
    """A structlog processor. It keeps the steps of turns back, and writes what came of each: `maria: How long is the
    warranty? -> answered from warranty.md, 0.08 s`. The question is there only if the log is told to keep texts.
    """

    def __init__(self) -> None:
        self._turns: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event, with `line` if it is one for people. Raises DropEvent for a step of a turn."""
        name, message = event.get("event"), event.get("message")
        if message is not None and name == "handover.opened":
            self._turns.setdefault(message, {})["handed_over"] = True
        if message is None or not (name in _STEPS or name in {"turn.decided", "turn.posted"}):
            return event
        known = self._turns.setdefault(message, {})
        if name in _STEPS or event.get("answer"):
            known.update({key: event[key] for key in ("user", "question", "outcome", "sources") if key in event})
            if len(self._turns) > _MEMORY:
                self._turns.popitem(last=False)
            raise structlog.DropEvent
        self._turns.pop(message, None)
        event["line"] = f"{_asked(known, event)} -> {_came(known, event)}"
        return event


def _asked(known: dict[str, Any], event: MutableMapping[str, Any]) -> str:
    user, question = _plain(known.get("user") or "somebody"), known.get("question")
    return f"{user}: {_plain(question)}" if question else f"{user} in {event.get('channel')}"


def _came(known: dict[str, Any], event: MutableMapping[str, Any]) -> str:
    if event["event"] == "turn.decided":
        return f"{'handed over' if known.get('handed_over') else 'no answer'}: {_plain(event.get('reason'))}"
    sources = ", ".join(dict.fromkeys(_plain(one) for one in known.get("sources") or ()))
    outcome = _plain(known.get("outcome") or "answered")
    return f"{outcome}{f' from {sources}' if sources else ''}, {event.get('seconds', 0.0):.2f} s"


def _plain(text: object) -> str:
    """Text of strangers on one line, without what a terminal would obey."""
    one = " ".join(str(text).split())
    one = "".join(letter if letter.isprintable() else "�" for letter in one)
    return one if len(one) <= _LONGEST else f"{one[:_LONGEST]}…"
