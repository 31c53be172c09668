"""Whether an answer holds what the v2 SDK's response types require: each field there, and of its type.

The SDK itself is lenient: it fills in what is missing, or fails only when the value is used.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

from framework.sandbox.kernel.http.router import shape_of

_CALL = re.compile(r'self\.(get|post|put|patch|delete)\(\s*"([^"]+)",\s*(\w+)')


def problems(kind: Any, value: Any, where: str = "") -> list[str]:
    """What is wrong with a JSON value for a type of the SDK; empty when nothing is."""
    if kind is Any or kind is object:
        return []
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _of_union(get_args(kind), value, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _of_object(kind, value, where)
    if origin in (list, dict):
        return _of_container(origin, get_args(kind), value, where)
    if kind is datetime:
        # Nanoseconds since the epoch, or before it: anything smaller than a year is another unit.
        return [] if type(value) is int and (value == 0 or abs(value) > 10**16) else [f"{where}: {value!r} is no time"]
    if kind is float:
        return [] if isinstance(value, int | float) and not isinstance(value, bool) else [f"{where}: {value!r}"]
    if kind in (int, str, bool):
        return [] if type(value) is kind else [f"{where}: {value!r} is no {kind.__name__}"]
    return []


def _of_union(kinds: tuple[Any, ...], value: Any, where: str) -> list[str]:
    if value is None and type(None) in kinds:
        return []
    found = [problems(kind, value, where) for kind in kinds if kind is not type(None)]
    return min(found, key=len) if found else []


def _of_container(origin: Any, kinds: tuple[Any, ...], value: Any, where: str) -> list[str]:
    if not isinstance(value, origin):
        return [f"{where}: {value!r} is no {origin.__name__}"]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [problem for name, item in items for problem in problems(kinds[-1], item, f"{where}[{name!r}]")]


def _of_object(kind: type, value: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no {kind.__name__}"]
    found = []
    for name, hint, required in _fields(kind):
        if name in value:
            # A required field may not be null, but for a time that is not there: the SDK has no word for that.
            if value[name] is not None or (required and hint is not datetime):
                found += problems(hint, value[name], f"{where}.{name}")
        elif required:
            found.append(f"{where}.{name}: missing ({kind.__name__})")
    return found


@cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    found = []
    for item in dataclasses.fields(kind):
        renamed = item.metadata.get("dataclasses_json", {}).get("letter_case")
        name = renamed(item.name) if renamed is not None else item.name
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        found.append((name, hints[item.name], required))
    return tuple(found)


@cache
def response_types() -> dict[tuple[str, str], Any]:
    """The type of the answer of each v2 operation, by method and shape of its path."""
    models = import_module("getstream.models")
    found: dict[tuple[str, str], Any] = {}
    for family in ("chat", "common", "moderation"):
        source = inspect.getsource(import_module(f"getstream.{family}.async_rest_client"))
        for method, path, kind in _CALL.findall(source):
            found[method.upper(), shape_of(path)] = getattr(models, kind)
    return found


def check_answer(method: str, template: str, answer: Any) -> list[str]:
    """What is wrong with the answer of an operation, by its path template; nothing for one that the SDK lacks."""
    kind = response_types().get((method, shape_of(template)))
    return problems(kind, answer, kind.__name__) if kind is not None else []


def watch_answers() -> None:
    """Hold every answer that the v2 SDK parses from now on to its own types: one that falls short fails the test."""
    parser = import_module("getstream.base").ResponseParserMixin
    if getattr(parser, "watched", False):
        return
    parse = parser._parse_response

    def checked(self: Any, response: Any, data_type: Any) -> Any:
        parsed = parse(self, response, data_type)
        if not hasattr(data_type, "from_dict"):
            return parsed
        found = problems(data_type, response.json(), data_type.__name__)
        assert not found, f"{response.request.method} {response.request.url.path}: {found}"
        return parsed

    parser._parse_response = checked
    parser.watched = True
