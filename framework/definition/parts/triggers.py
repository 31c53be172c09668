"""The things that start a turn, and how they are written in bot.yaml."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, get_args

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from framework.definition.expressions.cron import read_cron
from framework.definition.parts.conditions import Conditions, Team
from framework.definition.parts.hours import OfficeHours, known_zone
from framework.definition.parts.part import Duration, Part, Texts

__all__ = ["KINDS", "MESSAGE_KINDS", "VALUE_KINDS", "Conditions", "OfficeHours", "Team", "Trigger", "TriggerKind"]

TriggerKind = Literal[
    "every_message",
    "mention",
    "direct_message",
    "keyword",
    "regex",
    "command",
    "reaction",
    "thread_reply",
    "button",
    "event",
    "schedule",
    "idle",
    "member_joined",
]
KINDS: tuple[str, ...] = get_args(TriggerKind)
MESSAGE_KINDS: frozenset[str] = frozenset(
    {"every_message", "mention", "direct_message", "keyword", "regex", "command", "thread_reply", "button"}
)
"""Triggers that start a turn for a message of a person; the others start one without a message."""
VALUE_KINDS: frozenset[str] = frozenset({"keyword", "regex", "command", "reaction", "button", "event"})
"""Triggers with a list of `values`."""
_OWN_KEYS: dict[str, tuple[str, ...]] = {
    "schedule": ("cron", "timezone", "since_last"),
    "idle": ("after",),
    "command": ("since_last",),
    "event": ("sent_by",),
}
_SHORT_KEY = {"schedule": "cron", "idle": "after", "member_joined": "say"}


def keys_of(kind: str) -> tuple[str, ...]:
    """Return the keys of a trigger of each kind, besides `on`."""
    return (*(("values",) if kind in VALUE_KINDS else ()), *_OWN_KEYS.get(kind, ()), "do", "say")


class Trigger(Part):
    """One thing that starts a turn. In bot.yaml a word (`mention`), or a key with its values (`keyword: [refund]`)."""

    on: TriggerKind = Field(description="What starts the turn.", examples=["mention"])
    values: Texts = Field(
        (),
        description="Keywords, regular expressions, commands, reactions, button values or event types.",
        examples=[["refund", "invoice"]],
    )
    sent_by: Texts = Field(
        (),
        description="For `event`: user ids under which your server sends it, beside the bot's own. Only the server "
        "may have tokens of these users.",
        examples=[["shop-backend"]],
    )
    cron: str = Field("", description="For `schedule`: five fields, as in `0 9 * * 1-5`.", examples=["0 9 * * 1-5"])
    timezone: str = Field(
        "UTC", description="For `schedule`: the time zone of `cron`, as in Europe/Berlin.", examples=["Europe/Berlin"]
    )
    after: Duration = Field(timedelta(minutes=30), description="For `idle`: how long nobody has written, as in 30m.")
    since_last: bool = Field(
        False,
        description="For `schedule` and `command`: read only messages since the last answer of such a trigger. A "
        "schedule is silent if nobody wrote.",
    )
    do: str = Field(
        "",
        description="The task that the model gets. Without it the model answers the message.",
        examples=["Summarise what was decided today."],
    )
    say: str = Field("", description="A fixed text to post instead of asking the model.", examples=["Welcome {name}!"])

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return long_form(value)

    @field_validator("values")
    @classmethod
    def _without_marks(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # People write `/help` and `:question:` as they type them.
        kind = info.data.get("on")
        if kind == "command":
            return tuple(value.removeprefix("/") for value in values)
        return tuple(value.strip(":") for value in values) if kind == "reaction" else values

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        if value:
            read_cron(value)
        return value

    _zone = field_validator("timezone")(known_zone)

    @classmethod
    def known_keys(cls, value: object) -> tuple[str, ...]:
        """Return the keys that are allowed for the kind of trigger in `value`."""
        read = long_form(value)
        kind = read.get("on") if isinstance(read, dict) else None
        return keys_of(kind) if kind in KINDS else ("on", *cls.model_fields)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the short forms beside the long one, so that editors complete them."""
        long = handler(core_schema)
        fields = handler.resolve_ref_schema(long)["properties"]
        words = {"enum": list(KINDS), "description": "A trigger without values."}
        return {"anyOf": [words, *(_schema_of(kind, fields) for kind in KINDS), long]}


def _schema_of(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    inner = {key: fields[key] for key in keys_of(kind)}
    forms: list[dict[str, Any]] = [{"type": "object", "properties": inner, "additionalProperties": False}]
    if kind in VALUE_KINDS:
        forms += [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    elif kind in _SHORT_KEY:
        forms.append({"type": "string", "description": fields[_SHORT_KEY[kind]]["description"]})
    beside = {kind: {"anyOf": forms}, "do": fields["do"], "say": fields["say"]}
    return {"type": "object", "required": [kind], "properties": beside, "additionalProperties": False}


def long_form(value: object) -> object:
    """Write a short form out: `mention`, `{keyword: [a, b]}` and `{idle: {after: 30m}}` become mappings with `on`.

    Anything else is returned as it is; the model checks it. Raises ValueError for a trigger of two kinds.
    """
    if isinstance(value, str):
        return {"on": value}
    if not isinstance(value, dict) or "on" in value:
        return value
    kinds = [key for key in value if key in KINDS]
    if len(kinds) != 1:
        if len(kinds) > 1:
            raise ValueError(f"{' and '.join(kinds)} are two triggers; begin each with a dash of its own")
        # An unknown kind is told as one, not as an unknown key.
        unknown = next((key for key in value if key not in Trigger.model_fields), None)
        return value if unknown is None else {"on": unknown}
    kind = kinds[0]
    return {"on": kind, **_inner(kind, value[kind]), **{key: given for key, given in value.items() if key != kind}}


def _inner(kind: str, given: object) -> dict[str, Any]:
    """Return the value of a trigger's only key, as the keys of the long form."""
    if isinstance(given, dict):
        return given
    if given is None or given is True:
        return {}
    if kind in VALUE_KINDS:
        return {"values": given}
    if kind in _SHORT_KEY:
        return {_SHORT_KEY[kind]: given}
    raise ValueError(f"{kind} takes no values; write `- {kind}`, or `- {kind}: {{do: ...}}`")
