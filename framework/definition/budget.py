"""What a bot may spend: tokens and money, per turn, person, channel and day."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framework.definition.part import Part


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
    price: Price = Field(default_factory=Price, description="What tokens cost.")
    when_spent: Literal["silent", "say", "handover"] = Field(
        "say",
        description="At the limit: nothing, the phrase `spent` (once a day in a channel or thread), or a handover.",
    )
