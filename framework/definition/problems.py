"""From pydantic's errors to sentences that a person can act on: file, line, what is wrong, the nearest valid key."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import BaseModel

from framework.errors import DefinitionError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from framework.definition.positions import Document, Key
    from framework.errors import Position


class InvalidDefinitionError(DefinitionError):
    """Everything that is wrong with a definition, in the order of the file."""

    def __init__(self, problems: list[DefinitionError]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> DefinitionError:
    """Translate a validation error of a document that was read with positions."""
    problems = [_explain_one(detail, document, model) for detail in error.errors()]
    if len(problems) == 1:
        return problems[0]
    return InvalidDefinitionError(sorted(problems, key=_line))


def _line(problem: DefinitionError) -> int:
    return getattr(problem.where, "line", None) or 0


def _explain_one(detail: ErrorDetails, document: Document, model: type[BaseModel]) -> DefinitionError:
    key: Key = detail["loc"]
    where = document.position(key)
    name = ".".join(str(part) for part in key)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(key, where, model)
    message = detail["msg"].removeprefix("Value error, ")
    given = detail.get("input")
    shown = f" (it is {given!r})" if isinstance(given, (str, int, float, bool)) and repr(given) not in message else ""
    hint = _description(key, model)
    return DefinitionError(f"{name or 'the file'}: {message[:1].lower()}{message[1:]}{shown}", where=where, hint=hint)


def _unknown_key(key: Key, where: Position, model: type[BaseModel]) -> DefinitionError:
    owner = _model_at(key[:-1], model)
    valid = sorted(owner.model_fields) if owner else []
    near = get_close_matches(str(key[-1]), valid, n=1, cutoff=0.5)
    inside = f" in {'.'.join(str(part) for part in key[:-1])}" if key[:-1] else ""
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return DefinitionError(
        f"unknown key {key[-1]!r}{inside}", where=where, hint=f"{hint}Valid keys{inside}: {', '.join(valid)}."
    )


def _model_at(key: Key, model: type[BaseModel]) -> type[BaseModel] | None:
    """Find the model that holds the keys below a path."""
    current: type[BaseModel] | None = model
    for part in key:
        field = current.model_fields.get(str(part)) if current else None
        if field is None:
            continue  # An index of a list, or the tag of a union: the model stays.
        current = _first_model(field.annotation)
    return current


def _first_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in get_args(annotation) if (found := _first_model(part))), None)


def _description(key: Key, model: type[BaseModel]) -> str | None:
    """What the field at a path is for, from its declaration."""
    names = [part for part in key if isinstance(part, str)]
    while names:
        owner = _model_at(tuple(names[:-1]), model)
        if owner and (field := owner.model_fields.get(names[-1])):
            return field.description
        names.pop()
    return None
