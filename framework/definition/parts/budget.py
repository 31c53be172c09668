"""What a bot may spend: tokens and money, per turn, person, channel and day."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framework.definition.parts.part import Part


class Spending(Part):
    """A limit. A value that is not given is not limited."""

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
        20, ge=1, description="Turns of one person within a minute. `null`: no limit.", examples=[60]
    )
    user_at_once: int | None = Field(
        3,
        ge=1,
        description="Turns of one person that run at once, in different channels or threads. Further ones wait up to "
        "half a minute; then `phrases.too_many` is said. `null`: no limit.",
        examples=[10],
    )
    guests: Literal["together", "each"] = Field(
        "together",
        description="`together`: all guests and anonymous users share the budget of one person, because anybody can "
        "be many of them. `each`: everyone has a budget.",
    )
    price: Price = Field(default_factory=Price, description="What tokens cost.")
    when_spent: Literal["silent", "say", "handover"] = Field(
        "say",
        description="What happens at a limit. `silent`: nothing. `say`: the phrase `spent` at the limit of a day, "
        "once a day to each person, and `too_many` at the limit of a minute, once in ten minutes. "
        "`handover`: a person takes over at the limit of a day.",
    )
