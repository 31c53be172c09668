"""Sorting by fields of any JSON type, times included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from framework.sandbox.errors import invalid
from framework.sandbox.query.filters import ValueOf

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
    """A sorted copy. Items without a value come last in either direction; ties keep their order."""
    result = list(items)
    for name, descending in reversed(fields):
        present = [item for item in result if value_of(item, name) is not None]
        absent = [item for item in result if value_of(item, name) is None]
        present.sort(key=lambda item, name=name: _rank(value_of(item, name)), reverse=descending)  # type: ignore[misc]
        result = present + absent
    return result


def _descending(direction: object) -> bool:
    if direction in (1, -1, "1", "-1"):
        return int(str(direction)) < 0
    raise invalid("sort direction must be 1 or -1")


def _rank(value: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
    if isinstance(value, bool | int | float):
        return (0, value)
    if isinstance(value, datetime):
        return (1, value)
    return (2, str(value))
