"""The things that start a turn, and how they are written in bot.yaml."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from framework.definition.expressions.cron import read_cron
from framework.definition.parts.conditions import Conditions, Team
from framework.definition.parts.hours import OfficeHours, known_zone
from framework.definition.parts.part import Duration, Part, Texts
from framework.definition.parts.schedule_run import ScheduledDigest, ScheduledRun

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
    "schedule": ("name", "cron", "at", "every", "timezone", "since_last", "missed", "missed_within", "jitter", "run"),
    "idle": ("after",),
    "command": ("since_last",),
    "event": ("sent_by",),
}
_MOMENT = re.compile(r"\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=31)
"""Bounds of `every`, and of `missed_within` and `jitter`."""
_SHORT_KEY = {"schedule": "cron", "idle": "after", "member_joined": "say"}


def read_moment(text: str) -> datetime:
    """Read `2026-12-24T09:00`, with a zone only where an offset is given. Raises ValueError."""
    hint = f"{text!r} is not a time; write it as in 2026-12-24T09:00, or 2026-12-24T09:00+01:00"
    if not _MOMENT.match(text):
        raise ValueError(hint)
    try:
        return datetime.fromisoformat(text.strip().replace(" ", "T", 1))
    except ValueError:
        raise ValueError(hint) from None


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
        "UTC", description="For `schedule`: its time zone, as in Europe/Berlin.", examples=["Europe/Berlin"]
    )
    at: str = Field(
        "",
        description="For `schedule`: once, at a time in its zone or with an offset.",
        examples=["2026-12-24T09:00"],
    )
    every: Duration | None = Field(
        None,
        description="For `schedule`: a distance. Times are counted from Monday, 1 January 2001, 0:00 in its zone.",
        examples=["6h"],
    )
    name: str = Field("", description="For `schedule`: its name in `schedule list`.", examples=["morning-digest"])
    missed: Literal["run_once", "run_all", "skip"] = Field(
        "run_once",
        description="For `schedule`: what is done with times at which no process ran. `run_once` runs the latest one.",
    )
    missed_within: Duration = Field(
        timedelta(hours=24), description="For `schedule`: how old a missed time may be to be run still."
    )
    jitter: Duration = Field(
        timedelta(),
        description="For `schedule`: each time is moved by up to so long, in all processes alike.",
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
    run: ScheduledRun | None = Field(
        None,
        description="For `schedule`: a tool of the bot to call before the model says what came of it, a campaign, or "
        "a digest of other channels.",
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

    @field_validator("at", mode="before")
    @classmethod
    def _at(cls, value: object) -> object:
        # YAML reads some times by itself.
        text = value.isoformat() if isinstance(value, date) else value
        if isinstance(text, str) and text:
            read_moment(text)
        return text

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is not a name: use letters, digits, - and _, at most 40 of them")
        return value

    @field_validator("every")
    @classmethod
    def _every(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < SHORTEST:
            raise ValueError("a schedule comes once a minute at most: write 1m or more")
        return value

    @field_validator("missed_within", "jitter")
    @classmethod
    def _bounded(cls, value: timedelta) -> timedelta:
        if value > LONGEST:
            raise ValueError(f"at most {LONGEST.days} days are possible")
        return value

    @property
    def times(self) -> tuple[str, ...]:
        """Return which of `cron`, `at` and `every` a schedule has."""
        given = {"cron": self.cron, "at": self.at, "every": self.every}
        return tuple(key for key, value in given.items() if value)

    @property
    def campaign(self) -> str:
        """Return the campaign that a schedule begins, or an empty text."""
        return self.run.campaign if self.run else ""

    @property
    def digest(self) -> ScheduledDigest | None:
        """Return the digest of other channels that a schedule posts."""
        return self.run.digest if self.run else None

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
