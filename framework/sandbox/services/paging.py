"""Pages of a list by opaque cursors: `next` and `prev` as query answers carry them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import unquote

from framework.sandbox.errors import invalid
from framework.sandbox.wire import parse_json

if TYPE_CHECKING:
    from framework.sandbox.call import Call

T = TypeVar("T")
MAX_LIMIT = 100
DEFAULT_LIMIT = 25


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
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
    call: Call, items: Sequence[T], *, default: int = DEFAULT_LIMIT, high: int = MAX_LIMIT, start: int | None = None
) -> Page[T]:
    """The page that the call's `limit`, `next` and `prev` ask for. Raises ApiError 400 for a foreign cursor."""
    limit = call.number("limit", default, high=high) or default
    cursor = call.text("next") or call.text("prev")
    return cut(items, limit, cursor, start=start)


def cut(items: Sequence[T], limit: int, cursor: str | None, *, start: int | None = None) -> Page[T]:
    """The page of `limit` items at a cursor, or at `start`. Raises ApiError 400 for a foreign cursor."""
    first = start if start is not None else _position(cursor) if cursor else 0
    after = first + limit
    return Page(
        items[first:after],
        _cursor(after) if after < len(items) else None,
        _cursor(max(0, first - limit)) if first > 0 else None,
    )


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("next is not a cursor of this query") from error
    name, _, number = text.partition(":")
    if name != "at" or not number.isdecimal() or len(number) > 12:
        raise invalid("next is not a cursor of this query")
    return int(number)


def sort_param(call: Call) -> object:
    """The sort as it comes in a query string: JSON text, or (v2) each item of a list quoted by itself."""
    raw = call.payload.get("sort")
    if not isinstance(raw, str) or not raw:
        return raw
    text = raw if raw[0] in "[{" else unquote(raw)
    return parse_json(text if text.startswith("[") else f"[{text}]", "sort")
