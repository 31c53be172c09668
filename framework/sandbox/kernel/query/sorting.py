"""Sorting by fields of any JSON type, times included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.query.filters import ValueOf, select
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

T = TypeVar("T")
SortField = tuple[str, bool]


def parse_sort(raw: object) -> list[SortField]:
    """`[{"field": f, "direction": 1 | -1}]` or `[{f: 1 | -1}]` or `{f: 1 | -1}` as (field, descending) pairs."""
    entries = [raw] if isinstance(raw, Mapping) else raw or []
    if not isinstance(entries, list):
        raise invalid("sort must be a list of fields with directions")
    fields: list[SortField] = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise invalid("sort must be a list of objects")
        if isinstance(entry.get("field"), str):
            fields.append((entry["field"], _descending(entry.get("direction", 1))))
        else:
            fields.extend((str(name), _descending(direction)) for name, direction in entry.items())
    return fields


def sort(items: Iterable[T], fields: list[SortField], value_of: ValueOf[T]) -> list[T]:
    """Return a sorted copy. Items without a value come last in either direction; ties keep their order."""
    result = list(items)
    for name, descending in reversed(fields):
        present = [item for item in result if value_of(item, name) is not None]
        absent = [item for item in result if value_of(item, name) is None]
        present.sort(key=lambda item, name=name: _rank(value_of(item, name)), reverse=descending)  # type: ignore[misc]
        result = present + absent
    return result


def after_cursors(call: Call, items: Iterable[T], fields: Mapping[str, str], value_of: ValueOf[T]) -> list[T]:
    """Return the items within the bounds that a call gives, such as `id_gt` or `created_at_before_or_equal`.

    `fields` maps the beginning of a parameter's name to the field that it bounds.
    """
    found = list(items)
    for prefix, name in fields.items():
        for suffix, operator in _BOUNDS.items():
            bound = call.payload.get(f"{prefix}_{suffix}")
            if bound is not None:
                found = select(found, {name: {operator: bound}}, value_of)
    return found


def bounded(call: Call, prefix: str) -> bool:
    """Whether a call gives any of the bounds that `after_cursors` reads."""
    return any(call.payload.get(f"{prefix}_{suffix}") is not None for suffix in _BOUNDS)


_BOUNDS = {
    "gt": "$gt", "gte": "$gte", "lt": "$lt", "lte": "$lte",
    "after": "$gt", "after_or_equal": "$gte", "before": "$lt", "before_or_equal": "$lte",
}  # fmt: skip


def _descending(direction: object) -> bool:
    if direction in (1, -1, "1", "-1") and not isinstance(direction, bool):
        return int(str(direction)) < 0
    raise invalid("sort direction must be 1 or -1")


def _rank(value: Json) -> tuple[int, Json]:
    if isinstance(value, bool | int | float):
        return (0, value)
    if isinstance(value, datetime):
        return (1, value)
    return (2, str(value))
