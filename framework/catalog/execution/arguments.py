"""Arguments of an operation, checked against its schema before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from framework.catalog.answers import json_type
from framework.catalog.describe import range_of
from framework.catalog.example import example
from framework.catalog.execution.custom import takes_any
from framework.catalog.execution.pending import PendingValue
from framework.catalog.values import Json
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError

    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation

MOST_PROBLEMS = 5
_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}


class ArgumentsError(FrameworkError):
    """Arguments do not fit the operation. Says which, what was expected, and an example of what fits."""


def argument_schema(catalog: Catalog, operation: Operation) -> dict[str, Any]:
    """JSON Schema of the arguments, as strict as the service is.

    Models take only the properties that they declare, except those with `custom`: their further properties are custom
    fields, which the older API keeps beside the others. `custom` may be left out or given; it comes to the same.
    """
    schema = catalog.schema(operation.id)
    models = {name: _closed(name, model) for name, model in schema.get("$defs", {}).items()}
    return schema | ({"$defs": models} if models else {})


def _closed(name: str, model: dict[str, Any]) -> dict[str, Any]:
    if not model.get("properties"):
        return model
    if not takes_any(name, model):
        return {"additionalProperties": False} | model
    required = [field for field in model.get("required", ()) if field != "custom"]
    closed = {key: value for key, value in model.items() if key != "required"}
    return closed | ({"required": required} if required else {})


def check_arguments(catalog: Catalog, operation: Operation, arguments: dict[str, Any]) -> None:
    """Raise ArgumentsError unless the arguments fit. Values in the path have to be whole segments of one.

    Of a `PendingValue` only its kind is known, and checked.
    """
    from jsonschema import Draft202012Validator

    schema = argument_schema(catalog, operation)
    errors = sorted(
        Draft202012Validator(schema, format_checker=_formats()).iter_errors(arguments),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    lines = (line for error in errors if not _may_fit(error) for line in _explain(error, schema))
    problems = list(dict.fromkeys(lines)) or _path_problems(operation, arguments)
    if problems:
        more = len(problems) - MOST_PROBLEMS
        told = problems[:MOST_PROBLEMS] + ([f"... and {more} more."] if more > 0 else [])
        raise ArgumentsError(
            f"{operation.id} was not sent; its arguments do not fit.\n  " + "\n  ".join(told),
            hint=f"load_operation({operation.id!r}) tells what it takes; at a terminal, `ops show {operation.id}`.",
        )


def resolved(schema: dict[str, Any], models: dict[str, Any], inside: tuple[str, ...] = ()) -> dict[str, Any]:
    """A schema with its references filled in; one that refers to itself ends as a plain object."""
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    if reference:
        return {"type": "object"} if reference in inside else resolved(models[reference], models, (*inside, reference))
    full = dict(schema)
    if "properties" in schema:
        full["properties"] = {key: resolved(value, models, inside) for key, value in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        full["items"] = resolved(schema["items"], models, inside)
    return full


def _may_fit(error: ValidationError) -> bool:
    """Whether what is wrong is only that a value is still to come."""
    if not isinstance(error.instance, PendingValue):
        return False
    kind = json_type(error.instance.kind)
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    is_integer = kind == "integer" and "number" in wanted
    return error.validator != "type" or kind is None or kind in wanted or is_integer


def _formats() -> FormatChecker:
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    checker.checks("date-time", raises=ValueError)(_is_time)
    return checker


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


def _explain(error: ValidationError, schema: dict[str, Any]) -> list[str]:
    """One line for each thing that is wrong at a place."""
    place = _place(error.absolute_path)
    models = schema.get("$defs", {})
    shape = resolved(_as_dict(error.schema), models)
    if error.validator == "required":
        instance = _as_dict(error.instance)
        return [
            f"{_join(place, name)} is required: {_expected(shape['properties'].get(name, {}), name)}"
            for name in shape["required"]
            if name not in instance
        ]
    if error.validator == "additionalProperties":
        return [_unknown(place, name, shape) for name in _as_dict(error.instance) if name not in shape["properties"]]
    if isinstance(error.instance, PendingValue):
        return [f"{place}: {error.instance} is {_a(error.instance.kind)}; expected {_expected(shape, '')}"]
    name = next((str(part) for part in reversed(error.absolute_path) if isinstance(part, str)), "")
    return [f"{place or 'the arguments'}: expected {_expected(shape, name)} It is {_shown(error.instance)}."]


def _expected(shape: dict[str, Any], name: str) -> str:
    if "enum" in shape:
        return f"one of {', '.join(map(str, shape['enum']))}."
    kind = _KINDS.get(str(shape.get("type")), "a value")
    limits = range_of(shape)
    if limits:
        kind = f"{kind} ({limits})"
    if shape.get("format") == "date-time":
        kind = "a time in ISO 8601 with its zone"
    return f"{kind}, such as {json.dumps(example(shape, name))}."


def _a(kind: str) -> str:
    """A kind of value in words."""
    return _KINDS.get(json_type(kind) or "", "a value")


def _unknown(place: str, name: str, shape: dict[str, Any]) -> str:
    known = sorted(shape["properties"])
    near = get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known[:20]) or 'none'}."
    return f"{_join(place, name)} is unknown. {remedy}"


def _path_problems(operation: Operation, arguments: dict[str, Any]) -> list[str]:
    """A value that could lead to another path than the operation's is no value for it, however often it is decoded."""
    return [
        f"{parameter.name}: expected a name and no part of a path, such as {example(parameter.schema, parameter.name)}."
        for parameter in operation.parameters
        if parameter.place == "path" and _leads_astray(arguments.get(parameter.name, ""))
    ]


def _leads_astray(value: str | PendingValue) -> bool:
    if isinstance(value, PendingValue):
        return False
    segments = re.split(r"[/\\]", unquote(unquote(value)))
    return not value.strip() or not value.isprintable() or any(part.strip() in {".", ".."} for part in segments)


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _place(path: Json) -> str:
    text = ""
    for part in path:
        text = f"{text}[{part}]" if isinstance(part, int) else _join(text, str(part))
    return text


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def fits(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Whether arguments are as a schema from outside wants them. False for a schema that cannot be used."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        return bool(Draft202012Validator(dict(schema)).is_valid(dict(arguments)))
    except (SchemaError, RecursionError, TypeError, ValueError, LookupError):
        return False
