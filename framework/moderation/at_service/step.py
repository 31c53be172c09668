"""A plan of changes: calls of operations, each with what it means for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Change:
    """One call. `lines` say what changes by it."""

    operation: str
    arguments: dict[str, Any]
    lines: tuple[str, ...]


@dataclass
class SettingsPlan:
    """All calls, in their order, and `notes`: what they do not reach, and why."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, operation: str, arguments: dict[str, Any], *lines: str) -> None:
        """Add a call."""
        self.changes.append(Change(operation, arguments, lines))
