"""Filters that the app keeps under a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table


@dataclass(slots=True)
class PredefinedFilter(Record):
    """A filter with places such as `{{user_id}}`, and how to sort what it finds."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"sort", "calls", "last_seen"})

    name: str
    operation: str
    created_at: datetime
    updated_at: datetime
    filter: dict[str, Any] = field(default_factory=dict)
    sort: list[dict[str, Any]] = field(default_factory=list)
    description: str = ""
    calls: int = 0
    last_seen: datetime | None = None

    @property
    def key(self) -> str:
        """The filter's name."""
        return self.name


PREDEFINED_FILTERS = Table("predefined_filters", PredefinedFilter)
