"""What is said about arguments: in our own words, with the limits and values that the service publishes.

Data are `data/arguments.json` (texts: by `Operation.argument` or `Model.field`, by what stands before an id in a path,
by name) and `data/published.json` (limits, values, filters; written by scripts/published_facts.py).
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework.catalog.operation import Operation

_DATA = files("framework.catalog") / "data"
_BEFORE = re.compile(r"/(\w+)/(?:\{type\}/)?\{(\w+)\}")
_RANGES = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"))


@cache
def _texts() -> dict[str, dict[str, str]]:
    return dict(json.loads((_DATA / "arguments.json").read_text(encoding="utf-8")))


@cache
def _published() -> dict[str, dict[str, Any]]:
    return dict(json.loads((_DATA / "published.json").read_text(encoding="utf-8")))


def limits_of(place: str) -> dict[str, Any]:
    """Published limits of `Operation.argument` or `Model.field`, as keywords of JSON Schema."""
    return dict(_published()["fields"].get(place, {}))


def description_of(operation: Operation, name: str) -> str:
    """What an argument of an operation is for."""
    said = (
        _texts()["places"].get(f"{operation.id}.{name}") or _from_path(operation, name) or _texts()["names"].get(name)
    )
    return said or ""


def field_description(model: str, name: str) -> str:
    """What a field of a model is for; "" where its name says it."""
    texts = _texts()
    return texts["places"].get(f"{model}.{name}") or texts["names"].get(name, "")


def filter_fields(place: str) -> dict[str, list[str]]:
    """The fields of a filter, each with its type and the operators that it takes; {} where none are published."""
    return dict(_published()["filters"].get(place, {}))


def sort_fields(place: str) -> list[str]:
    """The fields that can be ordered by; [] where none are published."""
    return list(_published()["sorts"].get(place, []))


def range_of(schema: dict[str, Any]) -> str:
    """The limits of a schema in words: `1 to 30`, `at most 255 characters`."""
    told = []
    for least, most, unit in _RANGES:
        low, high = schema.get(least), schema.get(most)
        if low and high is not None:
            told.append(f"{low} to {high}{unit}")
        elif high is not None:
            told.append(f"at most {high}{unit}")
        elif low:
            told.append(f"at least {low}{unit}")
    return ", ".join(told)


def _from_path(operation: Operation, name: str) -> str:
    path = operation.endpoint.path
    if name == "type" and "/channels/{type}" in path:
        return "Type of the channel, such as messaging."
    for before, parameter in _BEFORE.findall(path):
        if parameter == name:
            return _texts()["paths"].get(before, "")
    return ""
