"""Put schemas and names of MCP tools into a form that every model server takes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.values import well_formed, well_formed_json

Schema = dict[str, Any]

LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1_000
"""Characters: model servers refuse longer ones."""
_DEEPEST = 12
_LARGEST = 100_000
"""Characters of a schema as JSON, with every `$ref` filled in."""
_UNNAMED = re.compile(r"[^a-zA-Z0-9_-]")
_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES: Mapping[str, str] = {
    **{name: name for name in ("string", "number", "integer", "boolean", "array", "object", "null")},
    "str": "string",
    "text": "string",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
    "dict": "object",
    "map": "object",
}
_KEPT = frozenset(
    {"type", "description", "enum", "default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
    | {"pattern", "format", "title", "examples", "additionalProperties", "const"}
)


class ImpossibleSchemaError(ValueError):
    """The arguments of the tool cannot be described to a model."""


@dataclass(frozen=True)
class ToolSchema:
    """A schema for models.

    `names` maps its names of arguments to the server's, if they differ. `optional` are arguments for which a missing
    value and `null` mean the same.
    """

    schema: Schema
    names: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a model's arguments for the server. An optional argument that is `null` is left out."""
        sent = {name: value for name, value in given.items() if value is not None or name not in self.optional}
        return {self.names.get(name, name): well_formed_json(value) for name, value in sent.items()}


def read_schema(raw: object) -> ToolSchema:
    """Read a tool's schema. Raises ImpossibleSchemaError if no model could take it."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise ImpossibleSchemaError("its schema is not an object")
    root = _Reader(raw).root()
    properties: Schema = root["properties"]
    names = _property_names(properties)
    required = [name for name in root.get("required", ()) if name in properties]
    schema = {**root, "properties": {names[name]: value for name, value in properties.items()}}
    schema["required"] = [names[name] for name in required]
    if not schema["required"]:
        del schema["required"]
    if len(json.dumps(schema, default=str)) > _LARGEST:
        raise ImpossibleSchemaError("its schema is too large")
    return ToolSchema(
        schema,
        {told: name for name, told in names.items() if told != name},
        frozenset(names[name] for name in properties if name not in required),
    )


def tool_names(server: str, tools: Sequence[str]) -> dict[str, str]:
    """Return a name for each of a server's tools that models take: short, of plain letters, and unique."""
    plain = {tool: _UNNAMED.sub("_", f"{server}__{tool}") for tool in tools}
    shared = {name for name in plain.values() if list(plain.values()).count(name) > 1}
    return {
        tool: name if name == f"{server}__{tool}" and len(name) <= LONGEST_NAME else _marked(name, tool, name in shared)
        for tool, name in plain.items()
    }


def _marked(name: str, tool: str, shared: bool) -> str:
    if not shared and len(name) <= LONGEST_NAME:
        return name
    mark = hashlib.sha256(tool.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}_{mark}"


def short_description(text: str) -> str:
    """Return a description that model servers take."""
    text = well_formed(text)
    return text if len(text) <= LONGEST_DESCRIPTION else f"{text[: LONGEST_DESCRIPTION - 1].rstrip()}…"


def _property_names(properties: Iterable[str]) -> dict[str, str]:
    """Map the server's names to the model's: the same, unless model servers refuse them."""
    taken = {name for name in properties if _PROPERTY.fullmatch(name)}
    names = {}
    for name in properties:
        told = name if name in taken else _UNNAMED.sub("_", name)[:60].strip("_") or "argument"
        number = 2
        while told in taken and told != name:
            told, number = f"{told.rstrip('0123456789_')[:60]}_{number}", number + 1
        taken.add(told)
        names[name] = told
    return names


class _Reader:
    """Reads one schema, and fills its definitions in for each `$ref`."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._left = 5_000  # parts that are read: references can multiply

    def root(self) -> Schema:
        """Return an object with properties, even if the schema is something else."""
        found = self.read(self._raw)
        for branch in found.pop("anyOf", ()):  # at the top, model servers take no choice
            _join(found, branch, every=False)
        if found.get("type", "object") != "object":
            raise ImpossibleSchemaError("its arguments are not an object")
        found["type"] = "object"
        found.setdefault("properties", {})
        return found

    def read(self, raw: object, depth: int = 0) -> Schema:
        """Return one schema in the common form. A part that cannot be understood allows any value."""
        self._left -= 1
        if not isinstance(raw, Mapping) or depth > _DEEPEST or self._left < 0:
            return {}
        raw = self._resolved(raw)
        kind = self._kind(raw)
        out: Schema = {key: value for key, value in raw.items() if key in _KEPT and key != "type"}
        if kind is not None:
            out["type"] = kind
        self._joined(raw, out, depth)
        if isinstance(raw.get("properties"), Mapping) or out.get("type") == "object":
            self._object(raw, out, depth)
        if out.get("type") == "array" or "items" in raw:
            self._array(raw, out, depth)
        if isinstance(out.get("additionalProperties"), Mapping):
            out["additionalProperties"] = self.read(out["additionalProperties"], depth + 1)
        return out

    def _kind(self, raw: Mapping[str, Any]) -> str | None:
        """Return the type of a schema. `null` beside another type means that the value may be left out."""
        told = raw.get("type")
        kinds = [_TYPES[one.lower()] for one in _texts(told) if one.lower() in _TYPES]
        kinds = [kind for kind in kinds if kind != "null"] or kinds
        return kinds[0] if len(kinds) == 1 else None

    def _resolved(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_DEEPEST):
            reference = raw.get("$ref")
            if not isinstance(reference, str):
                return raw
            found: Any = self._raw if reference.startswith("#") else {}
            for part in reference.removeprefix("#").strip("/").split("/") if reference not in {"#", ""} else ():
                key = part.replace("~1", "/").replace("~0", "~")
                found = found.get(key, {}) if isinstance(found, Mapping) else {}
            beside = {key: value for key, value in raw.items() if key != "$ref"}
            raw = {**(found if isinstance(found, Mapping) else {}), **beside}
        return {}

    def _joined(self, raw: Mapping[str, Any], out: Schema, depth: int) -> None:
        for part in _list(raw.get("allOf")):
            _join(out, self.read(part, depth + 1), every=True)
        choices = [
            self.read(one, depth + 1)
            for key in ("anyOf", "oneOf")
            for one in _list(raw.get(key))
            if not (isinstance(one, Mapping) and one.get("type") == "null")
        ]
        if len(choices) == 1:
            _join(out, choices[0], every=True)
        elif choices:
            out["anyOf"] = choices

    def _object(self, raw: Mapping[str, Any], out: Schema, depth: int) -> None:
        out["type"] = "object"
        told = raw.get("properties")
        properties = dict(out.get("properties", {}))
        required = list(out.get("required", ()))
        for name, value in told.items() if isinstance(told, Mapping) else ():
            properties[str(name)] = self.read(value, depth + 1)
            if isinstance(value, Mapping) and value.get("required") is True:  # as in older drafts
                required.append(str(name))
        out["properties"] = properties
        required += [name for name in _texts(raw.get("required")) if name in properties]
        if required:
            out["required"] = list(dict.fromkeys(required))

    def _array(self, raw: Mapping[str, Any], out: Schema, depth: int) -> None:
        out["type"] = "array"
        items = raw.get("items", raw.get("prefixItems"))
        if isinstance(items, list):  # one schema for each place: models know one for all
            kinds = [self.read(one, depth + 1) for one in items]
            out["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
        else:
            out["items"] = self.read(items, depth + 1)


def _join(out: Schema, part: Schema, *, every: bool) -> None:
    """Merge another schema. `every`: both must hold. Otherwise one of them does, and nothing more is required."""
    for key, value in part.items():
        if key == "properties":
            out["properties"] = {**out.get("properties", {}), **value}
        elif key == "required":
            if every:
                out["required"] = list(dict.fromkeys([*out.get("required", ()), *value]))
        else:
            out.setdefault(key, value)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []
