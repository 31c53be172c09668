"""What a bot promises people: reminders, questions that it asks again, word of an event."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from framework.definition.parts.hours import known_zone, read_spans
from framework.definition.parts.part import Duration, Part, Texts

_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


def _time(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError(f"{value!r} is not a time of day; write it as in 9:00 or 17:30")
    return value


def _spans(value: str) -> str:
    read_spans(value)
    return value


class PromisedEvent(Part):
    """An event of your app that people may want to hear of. Send it to the channel, as for the trigger `event`."""

    means: str = Field("", description="What it means, for the language model.", examples=["an order was shipped"])
    words: Texts = Field(
        (),
        description="Words by which people name it, in any language, for the embedded model.",
        examples=[["ships", "is shipped", "versandt"]],
    )
    sent_by: Texts = Field((), description="Ids of server accounts that send it, beside the bot's own.")


class Promises(Part):
    """What people may have the bot remember: `remind me on Friday at 9`, `tell me when it ships`."""

    enabled: bool = Field(False, description="Whether the bot promises anything.")
    timezone: str = Field(
        "UTC",
        description="The time zone of people without one of their own. Theirs is the field `timezone` of the user.",
        examples=["Europe/Berlin"],
    )
    at: Annotated[str, AfterValidator(_time)] = Field("9:00", description="The time of a day that is named alone.")
    quiet_hours: Annotated[str, AfterValidator(_spans)] = Field(
        "",
        description="Nothing is kept in these hours of the person's zone, but when they end.",
        examples=["22:00-8:00"],
    )
    at_most: int = Field(20, ge=1, le=100, description="Open promises of one person.")
    late: Duration = Field(
        timedelta(days=1),
        description="How late a promise may be kept, if no process ran. After it the person reads an apology.",
    )
    events: dict[str, PromisedEvent] = Field(
        default_factory=dict,
        description="Events that people may want to hear of, by their type.",
        examples=[{"order.shipped": {"means": "an order was shipped", "words": ["ships", "is shipped"]}}],
    )

    _zone = field_validator("timezone")(known_zone)
