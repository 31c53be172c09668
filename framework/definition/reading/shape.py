"""Find what a declaration expects at a path: the allowed keys, and how a value is written."""

from __future__ import annotations

import types
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from framework.values import Untyped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from framework.definition.reading.positions import Key

_UNIONS = (Union, types.UnionType)


def annotation_at(model: type[BaseModel], path: Key) -> Untyped:
    """Return the annotation at a path, or None if it is not known."""
    annotation: Any = model
    for part in path:
        owner = part_of(annotation)
        field = field_named(owner, str(part)) if owner else None
        annotation = field.annotation if field is not None else inside(annotation)
    return annotation


def field_at(model: type[BaseModel], path: Key) -> FieldInfo | None:
    """Return the innermost field on the way to a path."""
    annotation: Any = model
    innermost: FieldInfo | None = None
    for part in path:
        owner = part_of(annotation)
        field = field_named(owner, str(part)) if owner else None
        if field is not None:
            innermost, annotation = field, field.annotation
        else:
            annotation = inside(annotation)
    return innermost


def model_at(model: type[BaseModel], path: Key) -> type[BaseModel] | None:
    """Return the section at a path, or None if there is a plain value."""
    annotation: Any = model
    for part in path:
        owner = part_of(annotation)
        if owner is None:
            annotation = inside(annotation)
        elif (field := field_named(owner, str(part))) is not None:
            annotation = field.annotation
        # Else it is the tag of a validator: the part stays.
    return part_of(annotation)


def field_named(model: type[BaseModel], key: str) -> FieldInfo | None:
    """Return a field by the key that files use for it."""
    return model.model_fields.get(key) or next((f for f in model.model_fields.values() if f.alias == key), None)


def part_of(annotation: Untyped) -> type[BaseModel] | None:
    """Return the model in an annotation, optional or not."""
    for choice in choices(annotation):
        if isinstance(choice, type) and _origin(choice) is None and issubclass(choice, BaseModel):
            return choice
    return None


def inside(annotation: Untyped) -> Untyped:
    """Return the type of the entries of a list or mapping; None for other types."""
    for choice in choices(annotation):
        arguments = [argument for argument in get_args(choice) if argument is not Ellipsis]
        if _origin(choice) in (tuple, list, dict) and arguments:
            return arguments[-1]
    return None


def choices(annotation: Untyped) -> Iterator[Untyped]:
    """Yield the types that a value may have, except None."""
    if _origin(annotation) is Annotated:
        yield from choices(get_args(annotation)[0])
    elif _origin(annotation) in _UNIONS:
        for choice in get_args(annotation):
            yield from choices(choice)
    elif annotation is not type(None):
        yield annotation


def expected(annotation: Untyped) -> str:
    """Say how a value is written: `a whole number`, `a duration, as in 90s, 30m, 2h or 7d`."""
    names = list(dict.fromkeys(_name(choice) for choice in choices(annotation)))
    if "a number" in names:
        names = [name for name in names if name != "a whole number"]
    return " or ".join(name for name in names if name)


def _name(choice: Untyped) -> str:
    plain = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        timedelta: "a duration (90s, 30m, 2h, 7d)",
        datetime: "a time, as in 2026-01-05T10:00",
    }
    if choice in plain:
        return plain[choice]
    if _origin(choice) is Literal:
        return "one of " + ", ".join(map(str, get_args(choice)))
    if _origin(choice) in (tuple, list):
        texts = all(inner is str or _origin(inner) is Literal for inner in choices(inside(choice)))
        return f"a list of {'texts' if texts else 'entries'}"
    if (part := part_of(choice)) is not None:
        return f"keys with values, such as {', '.join(list(part.model_fields)[:3])}"
    return "keys with values" if _origin(choice) is dict else ""


def _origin(annotation: Untyped) -> Untyped:
    return get_origin(annotation)
