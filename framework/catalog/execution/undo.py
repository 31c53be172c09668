"""How a call is taken back: the operation that does it, with its arguments (data/inverses.json).

Where nothing does, `None`: a change of a value has no inverse unless somebody knows the former value.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from framework.catalog.values import Json

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation

_ASKED, _ANSWER = "asked", "answer"


def inverse_of(
    catalog: Catalog, operation: Operation, arguments: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any] | None:
    """The step that takes a call back: operation_id, arguments, and a `note` where it depends.

    `arguments` are those that were sent, `body` is the service's answer.
    """
    for entry in _inverses().get(operation.id, ()):
        given = _filled(entry["arguments"], {_ASKED: arguments, _ANSWER: body})
        inverse = catalog.operation(entry["by"])
        required = {parameter.name for parameter in inverse.parameters if parameter.required}
        wanted = set(entry.get("needs", ())) <= arguments.keys()
        lost = any(arguments.get(name) for name in entry.get("unless", ()))
        if required <= given.keys() and wanted and not lost:
            step = {"operation_id": inverse.id, "arguments": given}
            return step | ({"note": entry["note"]} if "note" in entry else {})
    return None


def _filled(template: dict[str, str], sources: dict[str, Json]) -> dict[str, Any]:
    """The arguments whose values are there. A template `answer.poll.id` names a place; `a.*.b` all of a list."""
    found = {name: _at(sources, place.split(".")) for name, place in template.items()}
    return {name: value for name, value in found.items() if value not in (None, [], "")}


def _at(value: Json, path: list[str]) -> Json:
    for number, part in enumerate(path):
        if part == "*":
            items = value if isinstance(value, list) else []
            return [one for one in (_at(item, path[number + 1 :]) for item in items) if one is not None]
        if isinstance(value, str) and part == "user_id":
            return value  # members may be given by their ids alone
        value = value.get(part) if isinstance(value, dict) else None
    return value


@cache
def _inverses() -> dict[str, list[dict[str, Any]]]:
    file = files("framework.catalog") / "data" / "inverses.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))
