"""What an agent is shown of an operation before it calls it: short enough for any context window."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from framework.catalog.describe import description_of, field_description, filter_fields, sort_fields
from framework.catalog.example import example_of
from framework.catalog.execution.arguments import argument_schema, resolved
from framework.catalog.execution.effects import effects_by_argument
from framework.catalog.operation import EFFECTS
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation

ARGUMENTS = "arguments"
"""In place of a model's name: all arguments, where an operation has too many to show at once."""
# Characters: of the arguments, and of the whole page with its models.
ARGUMENTS_SHOWN = 2_400
PAGE_SHOWN = 4_600
_DONE_BY = {
    "server": "the app itself",
    "either": "a user (as_user) or the app; for the app, the arguments name the user",
}


def page_of(catalog: Catalog, operation: Operation) -> dict[str, Any]:
    """What an operation does and takes."""
    schema = argument_schema(catalog, operation)
    models = schema.get("$defs", {})
    shown, more = _few(_described(operation, schema["properties"]), schema.get("required", ()))
    page: dict[str, Any] = {
        "id": operation.id,
        "summary": operation.profile.summary,
        "use_when": operation.profile.use_when,
        "not_this": operation.profile.not_this,
        "effect": " and ".join(effect for effect in EFFECTS if effect in operation.effects),
        "effect_by_argument": effects_by_argument(operation),
        "done_by": _DONE_BY[operation.token],
        ARGUMENTS: {key: value for key, value in schema.items() if key != "$defs"} | {"properties": shown},
        "arguments_left_out": more,
        "filters": _filters(operation, models),
        "example": example_of(operation, resolved({k: v for k, v in schema.items() if k != "$defs"}, models)),
    }
    room = PAGE_SHOWN - len(json.dumps(page, ensure_ascii=False))
    page["models"], page["models_left_out"] = _within(shown, models, room)
    return {key: value for key, value in page.items() if value not in ({}, [], "")}


def part_of(catalog: Catalog, operation: Operation, name: str) -> dict[str, Any]:
    """One model whole, or all arguments. Raises FrameworkError for an unknown one."""
    schema = argument_schema(catalog, operation)
    models = schema.get("$defs", {})
    if name == ARGUMENTS:
        return {ARGUMENTS: _described(operation, schema["properties"])}
    if name not in models:
        known = ", ".join(sorted(models)) or "none"
        raise FrameworkError(f"{operation.id} has no model {name!r}.", hint=f"It has {known}.")
    return {name: _with_texts(name, models[name])}


def _described(operation: Operation, properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _said(schema, description_of(operation, name)) for name, schema in properties.items()}


def _with_texts(name: str, model: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(model.get("properties"), dict):
        return model
    fields = {key: _said(schema, field_description(name, key)) for key, schema in model["properties"].items()}
    return model | {"properties": fields}


def _said(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return schema | {"description": text} if text else schema


def _few(properties: dict[str, Any], required: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The arguments that fit, required ones first, and the names of the others."""
    room = ARGUMENTS_SHOWN
    kept = set(required)
    for name, schema in sorted(properties.items(), key=lambda item: item[0] not in required):
        room -= len(name) + len(json.dumps(schema, ensure_ascii=False))
        if room >= 0:
            kept.add(name)
    return {n: schema for n, schema in properties.items() if n in kept}, [n for n in properties if n not in kept]


def _filters(operation: Operation, models: dict[str, Any]) -> dict[str, Any]:
    """The fields that filters and orders of the operation take, by the operators that they allow."""
    places = {parameter.name: f"{operation.id}.{parameter.name}" for parameter in operation.parameters}
    for parameter in operation.parameters:
        model = str(parameter.schema.get("$ref", "")).rpartition("/")[2]
        for field in models.get(model, {}).get("properties", {}):
            places[f"{parameter.name}.{field}"] = f"{model}.{field}"
    told: dict[str, Any] = {}
    for name, place in places.items():
        if fields := filter_fields(place):
            told[name] = _by_operators(fields)
        if order := sort_fields(place):
            told[name] = {"field": order}
    return told


def _by_operators(fields: dict[str, list[str]]) -> dict[str, str]:
    groups: dict[str, list[str]] = {}
    for field, (kind, *operators) in fields.items():
        groups.setdefault(f"{kind}: {' '.join(operators)}", []).append(field)
    return {how: ", ".join(named) for how, named in groups.items()}


def _within(properties: dict[str, Any], models: dict[str, Any], room: int) -> tuple[dict[str, Any], list[str]]:
    """The models that are nearest to the arguments, as many as fit, and the names of the others."""
    shown: dict[str, Any] = {}
    waiting = list(_named(properties))
    for name in waiting:
        model = _with_texts(name, models[name])
        size = len(name) + len(json.dumps(model, ensure_ascii=False))
        if size <= room:
            shown[name] = model
            room -= size
        waiting += [inner for inner in _named(models[name]) if inner not in waiting]
    return shown, sorted(set(waiting) - shown.keys())


def _named(value: object) -> dict[str, None]:
    """The models that a schema refers to, in its order."""
    found: dict[str, None] = {}
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            found[reference.rpartition("/")[2]] = None
        for inner in value.values():
            found |= _named(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _named(inner)
    return found
