"""Forms of arguments that everybody knows from the service's documentation, turned into those that the schema has.

Only what can be meant in one way is changed: `members: ["alice"]`, `filter` for `filter_conditions`, `cid` for type and
id, users as a list, an order as an object. Everything else is left for the check to explain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.catalog.execution.pending import PendingValue
from framework.catalog.values import Json

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation

DEEPEST = 60
# Names for the same thing; what stands first is what is looked for.
_SAME = (("filter_conditions", "filter"), ("filter", "filter_conditions"))
_CHANNEL = ("cid", "channel_cid", "channel")
_LISTED = frozenset({"members", "invites"})


def usual(catalog: Catalog, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments in the form that the operation takes. Their order is kept; nothing is added or dropped."""
    models = catalog.schema(operation.id).get("$defs", {})
    properties = {parameter.name: parameter.schema for parameter in operation.parameters}
    given = _placed(arguments, properties, models)
    return {name: _formed(value, properties.get(name, {}), models, name) for name, value in given.items()}


def is_deep(value: Json, depth: int = 0) -> bool:
    """Whether a value is nested deeper than anything that the service takes."""
    if depth > DEEPEST:
        return True
    if isinstance(value, dict):
        return any(is_deep(item, depth + 1) for item in value.values())
    return isinstance(value, list) and any(is_deep(item, depth + 1) for item in value)


def _placed(arguments: dict[str, Any], properties: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Arguments under the names, and at the places, where the operation has them."""
    given = dict(arguments)
    if {"type", "id"} <= properties.keys() and not {"type", "id"} & given.keys():
        _split_channel(given, properties)
    for name, other in _SAME:
        if name in properties and other not in properties and other in given and name not in given:
            given[name] = given.pop(other)
    if "data" in properties and "members" in properties:
        # Where `members` beside `data` is paging, a list there can only mean who is in the channel.
        listed = [name for name in _LISTED & properties.keys() if properties[name].get("type") != "array"]
        for name in [name for name in listed if isinstance(given.get(name), list)]:
            data = given.setdefault("data", {})
            if isinstance(data, dict) and name not in data:
                data[name] = given.pop(name)
    if "payload" in properties:
        _into_payload(given, properties, models)
    return given


def _split_channel(given: dict[str, Any], properties: dict[str, Any]) -> None:
    for name in _CHANNEL:
        pending = given.get(name)
        if isinstance(pending, PendingValue) and name not in properties:
            del given[name]
            given |= {"type": pending, "id": pending}
            return
        kind, colon, identity = str(given.get(name, "")).partition(":")
        if name not in properties and kind and colon and identity:
            del given[name]
            given |= {"type": kind, "id": identity}
            return


def _into_payload(given: dict[str, Any], properties: dict[str, Any], models: dict[str, Any]) -> None:
    """What belongs into the one argument `payload` and stands beside it."""
    model = models.get(str(properties["payload"].get("$ref", "")).rpartition("/")[2], {}).get("properties", {})
    payload = given.get("payload", {})
    stray = [name for name in given if name not in properties and (name in model or name == "filter")]
    if isinstance(payload, dict) and stray:
        given["payload"] = payload | {name: given.pop(name) for name in stray}


def _formed(value: Json, schema: dict[str, Any], models: dict[str, Any], name: str) -> Json:
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    shape = models.get(reference, {}) if reference else schema
    if isinstance(value, dict):
        return _object(value, shape, models, name)
    if not isinstance(value, list):
        return value
    items = shape.get("items")
    if isinstance(items, dict):
        return [_item(item, items, models) for item in value]
    by_id = name == "users" and isinstance(shape.get("additionalProperties"), dict)
    if by_id and all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in value):
        return {item["id"]: item for item in value}
    return value


def _object(value: dict[str, Any], shape: dict[str, Any], models: dict[str, Any], name: str) -> Json:
    if name == "sort" and isinstance(shape.get("items"), dict) and all(each in (1, -1) for each in value.values()):
        return [{"field": field, "direction": direction} for field, direction in value.items()]
    fields = shape.get("properties")
    if not fields:
        return value
    if "filter_conditions" in fields and "filter" not in fields:
        value = {("filter_conditions" if key == "filter" else key): item for key, item in value.items()}
    return {key: _formed(item, fields.get(key, {}), models, key) for key, item in value.items()}


def _item(item: Json, schema: dict[str, Any], models: dict[str, Any]) -> Json:
    fields = models.get(str(schema.get("$ref", "")).rpartition("/")[2], {}).get("properties", {})
    if isinstance(item, str) and "user_id" in fields:
        return {"user_id": item}
    return _formed(item, schema, models, "")
