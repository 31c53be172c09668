"""What a campaign is, as `campaigns/NAME.yaml` in a bot's folder says it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from framework.campaigns.amounts import read_end, read_rate, read_share
from framework.definition.expressions.cron import read_cron
from framework.definition.parts.hours import known_zone, read_spans
from framework.definition.parts.part import Part, Texts

PERSON = "person"
"""The time zone of a time that is meant in each person's own zone."""
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_LANGUAGE = re.compile(r"[a-z]{2}")


def _share(value: str) -> str:
    read_share(value)
    return value


def _rate(value: str) -> str:
    read_rate(value)
    return value


def _end(value: str) -> str:
    read_end(value)
    return value


def _spans(value: str) -> str:
    read_spans(value)
    return value


def _time_of_day(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError(f"{value!r} is not a time of day; write it as in 9:30")
    return value


def _moment(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a time; write it as in 2026-12-01T09:00") from None
    if len(value) <= len("2026-12-01"):
        raise ValueError(f"{value!r} has no time of day; write it as in {value}T09:00")
    return value


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError(f"{value!r} is not a code of a language; write its two letters, as in en or de")
    return value


def _one_text(value: object) -> object:
    """Read a single text as that of every language."""
    return {"": value} if isinstance(value, str) else value


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


Share = Annotated[str, AfterValidator(_share)]
RateText = Annotated[str, AfterValidator(_rate)]
InLanguages = Annotated[
    dict[str, Annotated[str, AfterValidator(_words)]],
    BeforeValidator(_one_text, json_schema_input_type=str | dict[str, str]),
]
"""One text, or one for each language."""


class CampaignAudience(Part):
    """Whom a campaign reaches: all who are named in any of these ways, each once."""

    segment: Texts = Field((), description="Segments of Stream, by id.", examples=[["new-members"]])
    filter: dict[str, Any] = Field(
        default_factory=dict,
        description="A filter over users, as QueryUsers takes it.",
        examples=[{"plan": "pro"}],
    )
    users: Texts = Field((), description="Users, by id.", examples=[["ann", "ben"]])
    file: str = Field(
        "", description="A file beside the campaign with one user id a line, or a CSV whose first column has them."
    )


class Variant(Part):
    """One of several wordings. A hash of the person decides who gets which, so everybody keeps the same one."""

    text: InLanguages = Field(default_factory=dict, description="The text; without it, that of the campaign.")
    share: Share = Field("", validate_default=False, description="Its share. [default: equal shares]", examples=["50%"])


class OptOut(Part):
    """How people say that they want no more messages. Nobody who did gets one, of any campaign of this bot."""

    words: Texts = Field(
        (), description="Words that count as STOP when somebody writes nothing else, beside those of the languages."
    )
    field: str = Field(
        "", description="A field of users that is true if they want no messages.", examples=["no_marketing"]
    )
    say: InLanguages = Field(
        default_factory=lambda: {"": "You will get no more of these messages."},
        description="The answer to STOP.",
    )


class CampaignChannel(Part):
    """The channel with each person. Without an id it is the direct channel between the bot and the person."""

    type: str = Field("messaging", min_length=1, description="The channel type.")
    id: str = Field(
        "", description="An id; {{ receiver.id }} stands for the person.", examples=["news-{{ receiver.id }}"]
    )


class CampaignDefinition(Part):
    """One message to many people. The bot sends it, so replies reach the bot."""

    description: str = Field("", description="What it is for. Nobody in the chat sees it.")
    sender: str = Field("", description="The user who sends it. It must be the bot's own `identity: user_id`.")
    audience: CampaignAudience = Field(default_factory=CampaignAudience, description="Whom it reaches.")
    text: InLanguages = Field(
        default_factory=dict,
        description="The text, or one for each language. Jinja: {{ receiver.name }} is filled in by Stream.",
        examples=[{"en": "Welcome, {{ receiver.name }}!", "de": "Willkommen, {{ receiver.name }}!"}],
    )
    variables: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Values for {{ name }} in the texts."
    )
    variants: dict[str, Variant] = Field(default_factory=dict, description="Wordings to compare, by name.")
    holdout: Share = Field(
        "", validate_default=False, description="A share of people who get nothing, to compare with.", examples=["10%"]
    )
    at: Annotated[str, AfterValidator(_moment)] = Field(
        "", validate_default=False, description="When to send it, in `timezone`. [default: at once]",
        examples=["2026-12-01T09:00"],
    )  # fmt: skip
    cron: str = Field("", description="Again and again, as in `0 9 * * 1`. Each time is a run of its own.")
    time_of_day: Annotated[str, AfterValidator(_time_of_day)] = Field(
        "", validate_default=False, description="The next time that it is so late in each person's zone.",
        examples=["9:30"],
    )  # fmt: skip
    timezone: str = Field(
        "UTC",
        description="The zone of `at` and `cron`, and of people without one. `person` with `at` and `cron` means each "
        "person's own.",
        examples=["Europe/Berlin"],
    )
    zone_field: str = Field("timezone", description="The field of users with their time zone.")
    language_field: str = Field("language", description="The field of users with their language.")
    quiet_hours: Annotated[str, AfterValidator(_spans)] = Field(
        "", validate_default=False, description="Times in each person's zone at which nothing is sent.",
        examples=["21:00-8:00"],
    )  # fmt: skip
    throttle: RateText = Field(
        "", validate_default=False, description="How many messages within which time.", examples=["600 per 1m"]
    )
    expires: Annotated[str, AfterValidator(_end)] = Field(
        "", validate_default=False, description="It is never sent later than this long after it was due, or than this "
        "moment.", examples=["2d"],
    )  # fmt: skip
    at_most: RateText = Field(
        "", validate_default=False,
        description="Leave out who got so many messages of campaigns, of all of them together, within this time.",
        examples=["1 per 7d"],
    )  # fmt: skip
    opt_out: OptOut = Field(default_factory=OptOut, description="How people say that they want no more.")
    channel: CampaignChannel = Field(default_factory=CampaignChannel, description="The channel with each person.")
    skip_push: bool = Field(False, description="Send no push notifications.")

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        if value:
            read_cron(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return value if value == PERSON else known_zone(value)

    @field_validator("text")
    @classmethod
    def _languages(cls, value: dict[str, str]) -> dict[str, str]:
        for language in value:
            if language:
                _language(language)
        return value

    @model_validator(mode="after")
    def _one_time(self) -> CampaignDefinition:
        if sum(map(bool, (self.at, self.cron, self.time_of_day))) > 1:
            raise ValueError("only one of `at`, `cron` and `time_of_day` can say when it is sent")
        return self

    def texts_of(self, variant: str) -> dict[str, str]:
        """Return the texts of a variant by language; "" is that of every language."""
        return (self.variants[variant].text if variant else {}) or self.text
