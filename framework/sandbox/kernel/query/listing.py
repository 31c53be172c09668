"""Answers to queries over records: filtered, sorted, and paged by cursors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.paging import Page, cursor_of, page, query_of
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import parse_json

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.store.record import Record

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
    """The page of a query; `order` (field, descending) holds where the call names no order.

    A cursor goes on with the query that it comes from, as the service's does.
    """
    cursor = cursor_of(call)
    query = query_of(cursor) if cursor else ""
    if not query:
        query = orjson.dumps({"filter": call.mapping(conditions), "sort": call.payload.get("sort")}).decode()
    asked = parse_json(query, "next")
    if not isinstance(asked, dict) or not isinstance(asked.get("filter"), dict):
        raise invalid("next is not a cursor of this query")
    found = select(items, asked["filter"], value_of)
    fields = parse_sort(asked.get("sort")) or [order]
    return page(call, sort(found, fields, value_of), default=default, query=query)
