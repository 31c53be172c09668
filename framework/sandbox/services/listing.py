"""Answers to queries over records: filtered, sorted, and paged by cursors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from framework.sandbox.query.filters import dig, select
from framework.sandbox.query.sorting import parse_sort, sort
from framework.sandbox.services.paging import Page, page

if TYPE_CHECKING:
    from framework.sandbox.call import Call
    from framework.sandbox.store.record import Record

T = TypeVar("T")


def field_value(record: Record, name: str) -> Any:  # noqa: ANN401 - a JSON value
    """A field of a record by name, else its custom data by a dotted path."""
    if name in record.names() and name != "custom":
        return getattr(record, name)
    return dig(getattr(record, "custom", {}), name.removeprefix("custom."))


def listed(
    call: Call,
    items: Iterable[T],
    value_of: Callable[[T, str], Any],
    *,
    conditions: str = "filter",
    order: tuple[str, bool] = ("created_at", True),
    default: int = 25,
) -> Page[T]:
    """The page of a query; `order` (field, descending) holds where the call names no order."""
    found = select(items, call.mapping(conditions), value_of)
    fields = parse_sort(call.payload.get("sort")) or [order]
    return page(call, sort(found, fields, value_of), default=default)
