"""What a bot may spend: tokens and money, per turn, person, channel and day."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framework.definition.parts.part import Part


class Spending(Part):
    """One bound; what is not given is not bounded."""

    tokens: int | None = Field(None, ge=1, description="Input and output tokens together.", examples=[20000])
    money: float | None = Field(None, gt=0, description="In the currency of `price`.", examples=[0.5])
    turns: int | None = Field(None, ge=1, description="Answered turns.", examples=[30])


class Price(Part):
    """What the model costs, for a million tokens."""

    input: float = Field(0.0, ge=0, description="For a million input tokens.")
    output: float = Field(0.0, ge=0, description="For a million output tokens.")


class Budget(Part):
    """Bounds on spending. Days are UTC."""

    turn: Spending = Field(default_factory=Spending, description="For one turn.")
    user_day: Spending = Field(default_factory=Spending, description="For one person and day.")
    channel_day: Spending = Field(default_factory=Spending, description="For one channel and day.")
    day: Spending = Field(default_factory=Spending, description="For the whole bot and day.")
    user_minute: int | None = Field(
        20, ge=1, description="Turns of one person within a minute; `null`: as many as they like.", examples=[60]
    )
    user_at_once: int | None = Field(
        3,
        ge=1,
        description="Turns of one person that run at once, in different channels or threads; more wait up to half a "
        "minute, then `phrases.too_many` is said. `null`: as many as they like.",
        examples=[10],
    )
    guests: Literal["together", "each"] = Field(
        "together",
        description="Guests and anonymous users share the budget of one person, since anybody can be as many of them "
        "as they like; or each has one.",
    )
    price: Price = Field(default_factory=Price, description="What tokens cost.")
    when_spent: Literal["silent", "say", "handover"] = Field(
        "say",
        description="At the limit of a day: nothing, the phrase `spent` (once a day to each person), or a handover. At "
        "the limit of a minute: nothing, or the phrase `too_many` (once in ten minutes to each person).",
    )
