"""A plan to start from: the operations that an intent asks for, with what later ones can take from earlier answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from framework.catalog.answers import ANY, fields_of, kind_at
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.catalog.operation import Operation

_HOLDER = re.compile(r"/(\w+)/(?:\{type\}/)?\{(\w+)\}")


def draft_of(operations: Sequence[tuple[str, Operation]]) -> list[dict[str, Any]]:
    """Steps for `execute_operation`, each with the words it is `for`; `missing` names required arguments that the
    caller has to fill in.
    """
    steps: list[dict[str, Any]] = []
    earlier: list[str] = []
    for words, operation in operations:
        given = _wired(operation, earlier)
        missing = [p.name for p in operation.parameters if p.required and p.name not in given]
        step: dict[str, Any] = {"for": words, "operation_id": operation.id, "arguments": given}
        steps.append(step | ({"missing": missing} if missing else {}))
        earlier.append(operation.id)
    return steps


def _wired(operation: Operation, earlier: Sequence[str]) -> dict[str, str]:
    """References for the arguments that name something of which an earlier answer tells."""
    found: dict[str, str] = {}
    for parameter in operation.parameters:
        for noun, field in _places(operation, parameter.name) if parameter.required else ():
            number = _last_with(earlier, noun, field)
            if number:
                found[parameter.name] = f"${number}.{noun}.{field}"
                break
    return found


def _places(operation: Operation, name: str) -> list[tuple[str, str]]:
    """Where an answer may hold what an argument names: `campaign.id` for the id in /campaigns/{id}."""
    path = operation.endpoint.path
    holders = [_singular(holder) for holder, field in _HOLDER.findall(path) if field == name]
    places = [(holder, name.removeprefix(f"{holder}_")) for holder in holders]
    if name == "type" and "/channels/{type}" in path:
        places.append(("channel", "type"))
    if name.endswith("_id"):
        places.append((name.removesuffix("_id"), "id"))
    return places


def _last_with(earlier: Sequence[str], noun: str, field: str) -> int:
    """The number of the last step whose answer has a field, 0 for none."""
    for number in range(len(earlier), 0, -1):
        if noun in fields_of(earlier[number - 1]):
            try:
                kind = kind_at(earlier[number - 1], (noun, field))
            except FrameworkError:
                continue
            if kind != ANY:
                return number
    return 0


def _singular(noun: str) -> str:
    return {"channeltypes": "channel_type", "usergroups": "user_group"}.get(noun, noun.removesuffix("s"))
