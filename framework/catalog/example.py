"""Arguments made from a schema: an example for an error message, for a model, for a test."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from framework.catalog.values import Json

if TYPE_CHECKING:
    from framework.catalog.operation import Operation

WHEN = "2026-01-31T12:00:00Z"
# What people know these by; anything else is called by its own name.
_NAMED = {
    "type": "messaging",
    "id": "support-123",
    "cid": "messaging:support-123",
    "channel_cid": "messaging:support-123",
    "text": "Hello",
    "language": "en",
    "url": "https://example.com/picture.png",
    "email": "alice@example.com",
    "month": "2026-01",
    "start_date": "2026-01-01",
    "end_date": "2026-01-31",
    "created_at_gt": WHEN,
}
# What `type` means depends on what has it.
_TYPES = {"reaction": "like", "event": "order.shipped"}
# What an object that needs nothing is best shown by.
_TELLING = ("text", "name", "user_id", "id")
_DEEPEST = 6


def example_of(operation: Operation, schema: dict[str, Any]) -> Json:
    """Arguments that a caller can start from: those of data/examples.json, else as little as the schema asks for."""
    known = _examples().get(operation.id)
    return example(schema) if known is None else known


@cache
def _examples() -> dict[str, Any]:
    file = files("framework.catalog") / "data" / "examples.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


def example(schema: dict[str, Any], name: str = "", *, every: bool = False, depth: int = 0) -> Json:
    """A value that the schema allows. `every` fills in optional properties too, as deep as is sensible.

    `schema` refers to nothing: its references are resolved (see `arguments.resolved`).
    """
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _object(schema, name, every=every, depth=depth)
    if kind == "array":
        return [] if depth > _DEEPEST else [example(schema["items"], _singular(name), every=every, depth=depth + 1)]
    if kind in {"integer", "number"}:
        usual = 10 if kind == "integer" else 1.5
        return min(max(usual, schema.get("minimum", usual)), schema.get("maximum", usual))
    if kind == "boolean":
        return True
    return WHEN if schema.get("format") == "date-time" else _word(name)


def _object(schema: dict[str, Any], name: str, *, every: bool, depth: int) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    deep = depth >= _DEEPEST
    shown = required or [key for key in _TELLING if name and key in properties][:1]
    return {
        key: _TYPES[name] if key == "type" and name in _TYPES else example(value, key, every=every, depth=depth + 1)
        for key, value in properties.items()
        if key in shown or (every and not deep)
    }


def _word(name: str) -> str:
    if name in _NAMED:
        return _NAMED[name]
    if "user" in name or name.endswith(("_by", "_by_id", "member")):
        return "alice"
    return name.removesuffix("_id") or "text"


def _singular(name: str) -> str:
    return name.removesuffix("s")
