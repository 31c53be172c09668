"""Custom fields: under `custom` in the newer API, beside the others in the older one, but for a few models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.catalog.values import Json
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from framework.catalog.operation import Operation

# Operations whose own arguments have custom fields beside them in the older API.
FLAT_AT_THE_TOP = frozenset({"CreatePoll", "UpdatePoll", "CreatePollOption", "UpdatePollOption"})
# Models that keep them under `custom` in both: what is made from them later has them, not the models themselves.
NESTED = frozenset({"CampaignChannelMember", "CampaignChannelTemplate", "CampaignMessageTemplate", "ChannelDataUpdate"})


class SpellingError(FrameworkError):
    """A custom field is named like a field of the service but for capitals, which the service may not tell apart."""


def takes_any(name: str, model: dict[str, Any]) -> bool:
    """Whether a model's further properties are custom fields."""
    return "custom" in model.get("properties", {}) and name not in NESTED


def as_sent(operation: Operation, arguments: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """The (checked) arguments with custom fields where the API has them. `models` are the schemas by name.

    A field of the model's own wins over a custom one of its name. Those of `FLAT_AT_THE_TOP` stay under `custom`.
    Raises SpellingError.
    """
    schemas = {parameter.name: parameter.schema for parameter in operation.parameters}
    if operation.id in FLAT_AT_THE_TOP:
        _check_spelling(arguments.get("custom") or {}, schemas)
    flat = operation.v1 is not None
    return {name: _placed(value, schemas[name], models, flat=flat) for name, value in arguments.items()}


def _placed(value: Json, schema: dict[str, Any], models: dict[str, Any], *, flat: bool) -> Json:
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    shape = models.get(reference, schema) if reference else schema
    if isinstance(value, list):
        return [_placed(item, shape.get("items", {}), models, flat=flat) for item in value]
    if not isinstance(value, dict):
        return value
    properties = shape.get("properties", {})
    other = shape.get("additionalProperties")
    rest = other if isinstance(other, dict) else {}
    sent = {key: _placed(item, properties.get(key, rest), models, flat=flat) for key, item in value.items()}
    if not takes_any(reference, shape):
        return sent
    custom = sent.pop("custom", None) or {}
    _check_spelling([*custom, *sent], properties)
    if flat:
        return {**custom, **sent}
    nested = custom | {key: sent.pop(key) for key in list(sent) if key not in properties}
    return sent | ({"custom": nested} if nested else {})


def _check_spelling(given: Iterable[str], known: Mapping[str, Any]) -> None:
    folded = {name.casefold(): name for name in known}
    for name in given:
        meant = folded.get(name.casefold(), name)
        if meant != name:
            raise SpellingError(
                f"{name!r} is another spelling of {meant!r}, which may set the one or the other.",
                hint=f"Write {meant!r}, or give your custom field a name of its own.",
            )
