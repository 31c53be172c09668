"""The audit log: who executed what, on whose behalf, with which arguments, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from framework.approvals.sheet import hidden
from framework.audit import Entry, Outcome
from framework.audit.entry import cut

if TYPE_CHECKING:
    from framework.catalog.execution.principal import Principal


class Audit(Protocol):
    """Where entries go. An entry that cannot be written is an error: then nothing is executed."""

    async def begin(self, entry: Entry) -> int:
        """Write an entry and return its number."""

    async def end(self, number: int, outcome: Outcome, detail: str, milliseconds: float) -> None:
        """Complete an entry that was `started`."""

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest entries, oldest first."""

    async def close(self) -> None:
        """Close what is open. Safe to call twice."""


def new_entry(
    who: Principal,
    operation: str,
    arguments: object,
    *,
    at: datetime,
    redact: Callable[[str], str],
    acts_as: str | None = None,
    outcome: Outcome = "started",
    detail: str = "",
    approved_by: str = "",
) -> Entry:
    """An entry with secrets struck out of what it holds."""
    shown = _written(hidden(arguments))
    return Entry(
        at=at.isoformat(timespec="milliseconds"),
        who=who.name,
        caller=who.caller,
        channel=who.channel,
        acts_as=acts_as,
        operation=redact(operation[:200]),
        arguments=cut(redact(shown)),
        outcome=outcome,
        detail=cut(redact(detail)),
        approved_by=approved_by,
    )


def _written(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # an integer of more digits than Python writes
        return json.dumps(str(type(value).__name__))
