"""What the answer of each operation looks like, as far as the service publishes it (data/answers.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from framework.errors import FrameworkError

ANY = "any"
"""A value of which nothing is published: custom data, and what stands inside it."""
_OPEN = frozenset({"custom", "*"})
_SCALARS = {"string": "string", "time": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


class UnknownFieldError(FrameworkError):
    """No answer of the operation has such a field."""


def kind_at(operation_id: str, path: tuple[str, ...]) -> str:
    """What stands at a place of an operation's answer: `string`, `[ChannelResponse]` for a list, `{X}` for an object of
    X by name, a model's name, or `any`. Raises UnknownFieldError if no answer can have it.
    """
    kind = _shapes().operations.get(operation_id, ANY)
    for number, part in enumerate(path):
        kind = _inside(kind, part, ".".join(path[:number]))
    return kind


def json_type(kind: str) -> str | None:
    """The JSON type of a kind; None if it is not known."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind.startswith("["):
        return "array"
    return "object" if kind.startswith("{") or kind == "object" or kind in _shapes().models else None


def fields_of(operation_id: str) -> dict[str, str]:
    """The fields at the top of an answer, each with its kind."""
    return dict(_shapes().models.get(_shapes().operations.get(operation_id, ANY), {}))


def _inside(kind: str, part: str, place: str) -> str:
    holder = f"`{place}`" if place else "the answer"
    if kind.startswith("["):
        if not part.isdecimal():
            raise UnknownFieldError(f"{holder} is a list.", hint=f"Name an item of it, such as {place}[0].{part}.")
        return kind[1:-1]
    if kind.startswith("{"):
        return kind[1:-1]
    if kind in _SCALARS:
        raise UnknownFieldError(f"{holder} is a {kind}, which has no {part!r}.")
    fields = _shapes().models.get(kind)
    if not fields:
        return ANY
    if part in fields:
        return fields[part]
    if not _OPEN.isdisjoint(fields):
        return ANY  # custom fields stand beside the others in the older API
    near = get_close_matches(part, fields, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(fields)[:15])}."
    raise UnknownFieldError(f"{holder} has no {part!r}.", hint=remedy)


@dataclass(frozen=True)
class _Shapes:
    """The model of each operation's answer, and the fields of each model."""

    operations: dict[str, str]
    models: dict[str, dict[str, str]]


@cache
def _shapes() -> _Shapes:
    file = files("framework.catalog") / "data" / "answers.json"
    return _Shapes(**json.loads(file.read_text(encoding="utf-8")))
