"""When and how a person takes over, and how the bot comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.parts.part import Duration, Part, Texts


class Handover(Part):
    """A person takes over: what leads to it, who is called, and what ends it."""

    enabled: bool = Field(False, description="Whether the bot hands over at all.")
    phrases: Texts = Field(
        ("talk to a human", "talk to a person", "speak to a human", "speak to an agent", "real person", "human please"),
        description="Words of a person that lead to it, whatever the case.",
    )
    tool: bool = Field(True, description="Whether the model may hand over by itself, by a tool.")
    failed_answers: int = Field(0, ge=0, description="After so many answers in a row without evidence; 0: never.")
    sentiment: bool = Field(False, description="When a person is plainly upset.")
    budget: bool = Field(False, description="When a budget is spent.")
    errors: bool = Field(False, description="When a turn failed for good.")
    to: Texts = Field(
        (), description="User ids to add to the channel; none: those of `team`.", examples=[["ada", "grace"]]
    )
    choose: Literal["all", "round_robin"] = Field("all", description="All of them, or the next one in turn.")
    alert: str = Field("", description="TYPE:ID of a channel where the team is told.", examples=["team:support-desk"])
    summary: bool = Field(True, description="Post a summary for the person, which only the team sees.")
    resume_command: str = Field("/bot resume", description="What a person of the team writes to hand back.")
    resume_reaction: str = Field(
        "", description="A reaction of the team that hands back.", examples=["white_check_mark"]
    )
    resume_after: Duration = Field(timedelta(hours=12), description="The bot comes back by itself after this long.")
