"""Setting and removing values at dotted paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.sandbox.kernel.wire import MAX_DEPTH, too_deep


def with_path(fields: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of nested objects with a value set at a dotted path. Raises ApiError 400 when the path is too deep."""
    if path.count(".") >= MAX_DEPTH:
        raise too_deep(f"the path {path[:40]}...")
    head, _, rest = path.partition(".")
    if not rest:
        return {**fields, head: value}
    inner = fields.get(head)
    return {**fields, head: with_path(inner if isinstance(inner, Mapping) else {}, rest, value)}


def without_path(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a copy of nested objects without the value at a dotted path."""
    head, _, rest = path.partition(".")
    if head not in fields:
        return dict(fields)
    if not rest:
        return {name: value for name, value in fields.items() if name != head}
    inner = fields[head]
    return {**fields, head: without_path(inner, rest) if isinstance(inner, Mapping) else inner}
