"""Predefined filters: their records, and filling one in for a query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class PredefinedFilter(Record):
    """A filter with places such as `{{user_id}}`, and how to sort what it finds."""

    KEY = ("name",)

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


PREDEFINED_FILTERS = Table("predefined_filters", PredefinedFilter)


_PLACE = re.compile(r"\{\{\s*([\w.\-]+)\s*\}\}")


def expand(call: Call) -> dict[str, Any] | None:
    """Put the filter that the call names by `predefined_filter` in its payload.

    Returns it filled in, as the answer shows it; None if the call names none. Raises ApiError 400 when a value is
    missing, 404 when there is no such filter.
    """
    name = call.text("predefined_filter")
    if not name:
        return None
    kept = call.store[PREDEFINED_FILTERS].get(name)
    if kept is None:
        raise not_found(f"predefined filter {name} not found")
    conditions = fill(kept.filter, call.mapping("filter_values"))
    order = fill(kept.sort, call.mapping("sort_values"))
    kept.calls, kept.last_seen = kept.calls + 1, call.now
    call.store[PREDEFINED_FILTERS].put(kept)
    call.payload["filter_conditions"] = conditions
    if order and not call.payload.get("sort"):
        call.payload["sort"] = order
    return {"name": name, "filter": conditions, "sort": order}


def fill(template: Json, values: Mapping[str, Json]) -> Json:
    """Return a template with its places filled in. A text that is one place alone takes on the value's type."""
    if isinstance(template, dict):
        return {fill(name, values): fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(item, values) for item in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole is not None:
        return _value(values, whole[1])
    return _PLACE.sub(lambda match: str(_value(values, match[1])), template)


def _value(values: Mapping[str, Json], name: str) -> Json:
    if name not in values:
        raise invalid(f"filter_values.{name} is a required field of this predefined filter")
    return values[name]
