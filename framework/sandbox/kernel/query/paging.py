"""Pages of answers, by cursors, and answers to queries over records."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import unquote

import orjson

from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json, parse_json

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.store.record import Record

T = TypeVar("T")
MAX_LIMIT = 100
DEFAULT_LIMIT = 25


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[T]):
    """Some items of a list, and the cursors of the pages beside it; None where there is no such page."""

    items: Sequence[T]
    next: str | None
    prev: str | None

    def cursors(self, prev: str = "prev") -> dict[str, Any]:
        """The cursors for the answer; `prev` is the name of the one that leads back."""
        found: dict[str, Any] = {}
        if self.next is not None:
            found["next"] = self.next
        if self.prev is not None:
            found[prev] = self.prev
        return found


def page(
    call: Call,
    items: Sequence[T],
    *,
    default: int = DEFAULT_LIMIT,
    high: int = MAX_LIMIT,
    start: int | None = None,
    query: str = "",
) -> ResultPage[T]:
    """Return the page that the call's `limit`, `next` and `prev` ask for. Raises ApiError 400 for a foreign cursor.

    The cursors of the page carry `query`, so that it goes on whatever the next call says.
    """
    limit = call.number("limit", default, high=high) or default
    return cut(items, limit, cursor_of(call), start=start, query=query)


def cursor_of(call: Call) -> str | None:
    """The cursor that a call goes on from."""
    return call.text("next") or call.text("prev")


def cut(
    items: Sequence[T], limit: int, cursor: str | None, *, start: int | None = None, query: str = ""
) -> ResultPage[T]:
    """Return the page of `limit` items at a cursor, or at `start`. Raises ApiError 400 for a foreign cursor."""
    first = start if start is not None else _read(cursor)[0] if cursor else 0
    after = first + limit
    return ResultPage(
        items[first:after],
        _cursor(after, query) if after < len(items) else None,
        _cursor(max(0, first - limit), query) if first > 0 else None,
    )


def query_of(cursor: str) -> str:
    """Return the query that a cursor carries. Raises ApiError 400 for a foreign cursor."""
    return _read(cursor)[1]


def _cursor(position: int, query: str) -> str:
    text = f"at:{position}" + (f"|{query}" if query else "")
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("next is not a cursor of this query") from error
    place, _, query = text.partition("|")
    name, _, number = place.partition(":")
    if name != "at" or not number.isdecimal() or len(number) > 12:
        raise invalid("next is not a cursor of this query")
    return int(number), query


def sort_param(call: Call) -> object:
    """The sort as it comes in a query string: JSON text, or (v2) each item of a list quoted by itself."""
    raw = call.payload.get("sort")
    if not isinstance(raw, str) or not raw:
        return raw
    text = raw if raw[0] in "[{" else unquote(raw)
    return parse_json(text if text.startswith("[") else f"[{text}]", "sort")


def field_value(record: Record, name: str) -> Json:
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
) -> ResultPage[T]:
    """Return the page of a query; `order` (field, descending) holds where the call names no order.

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
