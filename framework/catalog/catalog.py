"""The catalogue: every operation, read from the data files beside this module."""

from __future__ import annotations

import json
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

from framework.catalog.describe import limits_of
from framework.catalog.operation import ApiEndpoint, Operation, Parameter, Profile
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

DATA = files("framework.catalog") / "data"
MODELS = "models.json"


class UnknownOperationError(FrameworkError):
    """There is no operation of that id."""


class Catalog:
    """All operations, by id. Reading them takes milliseconds; the nested models are read when a schema is asked for."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = dict(operations)

    @classmethod
    def load(cls) -> Self:
        """Read the data files. Raises FrameworkError for an operation that lacks its profile."""
        operations: dict[str, Operation] = {}
        for file in sorted((DATA / "facts").iterdir(), key=lambda item: item.name):
            if file.name != MODELS:
                operations |= _read_group(file)
        return cls(dict(sorted(operations.items())))

    def operation(self, operation_id: str) -> Operation:
        """The operation of this id. Raises UnknownOperationError, which names the nearest ids."""
        found = self._operations.get(operation_id)
        if found is None:
            raise UnknownOperationError(
                f"There is no operation {operation_id!r}.", hint=_did_you_mean(operation_id, self._operations)
            )
        return found

    def __contains__(self, operation_id: object) -> bool:
        return operation_id in self._operations

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    def __len__(self) -> int:
        return len(self._operations)

    def schema(self, operation_id: str) -> dict[str, Any]:
        """JSON Schema (2020-12) of an operation's arguments, with the models that it refers to under `$defs`.

        Times are ISO 8601 strings, whichever API is called. Raises UnknownOperationError.
        """
        operation = self.operation(operation_id)
        properties = {p.name: p.schema | limits_of(f"{operation.id}.{p.name}") for p in operation.parameters}
        required = [parameter.name for parameter in operation.parameters if parameter.required]
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = required
        models = self._reachable(properties)
        return schema | ({"$defs": models} if models else {})

    def _reachable(self, properties: dict[str, Any]) -> dict[str, Any]:
        waiting, found = set(_references(properties)), dict[str, Any]()
        while waiting:
            name = waiting.pop()
            found[name] = self.models[name]
            waiting |= set(_references(found[name])) - found.keys()
        return dict(sorted(found.items()))

    @cached_property
    def models(self) -> dict[str, Any]:
        """JSON Schema of every model, by name, with published limits."""
        models: dict[str, Any] = json.loads((DATA / "facts" / MODELS).read_text(encoding="utf-8"))
        for name, model in models.items():
            for field, schema in model.get("properties", {}).items():
                schema |= limits_of(f"{name}.{field}")  # noqa: PLW2901 - each is changed where it stands
        return models


def _read_group(file: Traversable) -> dict[str, Operation]:
    group = file.name.removesuffix(".json")
    facts = json.loads(file.read_text(encoding="utf-8"))
    profiles = json.loads((DATA / "profiles" / file.name).read_text(encoding="utf-8"))
    missing = facts.keys() - profiles.keys()
    if missing:
        raise FrameworkError(
            f"No profile for {', '.join(sorted(missing))}.",
            where=f"framework/catalog/data/profiles/{file.name}",
            hint="Write a summary, 5 to 8 aliases, use_when and not_this for each.",
        )
    return {name: _operation(name, group, facts[name], profiles[name]) for name in facts}


def _operation(name: str, group: str, facts: dict[str, Any], profile: dict[str, Any]) -> Operation:
    parameters = _parameters(facts["parameters"])
    return Operation(
        id=name,
        group=group,
        sdk=facts["sdk"],
        v1=_endpoint(facts["v1"], parameters) if "v1" in facts else None,
        v2=_endpoint(facts["v2"], parameters),
        body=facts.get("v1", {}).get("body", facts["body"]),
        effect=profile["effect"],
        token=profile["token"],
        rate=profile["rate"],
        administers=profile.get("administers", False),
        answers=profile["effect"] == "reads" or profile.get("answers", False),
        profile=Profile(
            summary=profile["summary"],
            aliases=tuple(profile["aliases"]),
            situations=tuple(profile.get("situations", ())),
            abilities={key: tuple(phrases) for key, phrases in profile.get("abilities", {}).items()},
            use_when=profile["use_when"],
            not_this=profile["not_this"],
        ),
    )


def _endpoint(facts: dict[str, Any], shared: tuple[Parameter, ...]) -> ApiEndpoint:
    own = _parameters(facts["parameters"]) if "parameters" in facts else shared
    return ApiEndpoint(facts["method"], facts["path"], own)


def _parameters(facts: dict[str, Any]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name, item.get("name", name), item["in"], item.get("required", False), item["schema"])
        for name, item in facts.items()
    )


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _did_you_mean(operation_id: str, known: Mapping[str, Operation]) -> str:
    from difflib import get_close_matches

    folded = {name.lower(): name for name in known}
    near = [folded[name] for name in get_close_matches(operation_id.lower(), folded, n=3, cutoff=0.5)]
    return f"Did you mean {', '.join(near)}?" if near else "`ops search` finds an operation by what it should do."
