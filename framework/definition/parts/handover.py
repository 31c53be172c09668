"""When and how a person takes over, and how the bot comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.parts.part import Duration, Part, Texts

Understood = Literal["asks", "anger", "urgent"]
"""What a message may mean that a person should take over for: it asks for one, it is angry, it tells of a danger."""


class HandoverOptions(Part):
    """A person takes over: what leads to it, who is called, and what ends it."""

    enabled: bool = Field(False, description="Whether the bot hands over at all.")
    phrases: Texts = Field(
        ("talk to a human", "talk to a person", "speak to a human", "speak to an agent", "real person", "human please"),
        description="A person takes over if somebody writes one of these, in capitals or not.",
    )
    understands: tuple[Understood, ...] = Field(
        ("asks", "anger", "urgent"),
        description="A person takes over if a message means one of these, in any language: `asks` for a person, "
        "`anger`, `urgent` for danger. The embedded model tells. Where a language model hands over by its `tool`, only "
        "`urgent` is looked for. `[]`: nothing.",
    )
    tool: bool = Field(True, description="Let the language model hand over by itself, by a tool.")
    failed_answers: int = Field(
        0, ge=0, description="A person takes over after so many answers in a row without evidence. 0: never."
    )
    sentiment: bool = Field(False, description="A person takes over if somebody is plainly upset.")
    budget: bool = Field(False, description="A person takes over if a budget is spent.")
    errors: bool = Field(False, description="A person takes over if a turn failed for good.")
    to: Texts = Field(
        (), description="User ids to add to the channel. Empty: those of `team`.", examples=[["ada", "grace"]]
    )
    choose: Literal["all", "round_robin"] = Field(
        "all", description="Call all of them, or the next one in turn (`round_robin`)."
    )
    alert: str = Field("", description="TYPE:ID of a channel where the team is told.", examples=["team:support-desk"])
    remind: Duration = Field(
        timedelta(0),
        examples=["10m"],
        description="If nobody of the team has written or taken it after this long, the next person is called, and so "
        "on, in the team's hours. `0s`: nobody else is.",
    )
    push: bool = Field(
        False,
        description="Each person who is called gets one message from the bot with a push: who needs a person, why, and "
        "the customer's last message. Out of the team's hours it comes when these begin, unless it is `urgent`.",
    )
    summary: bool = Field(True, description="Post a summary for the person who takes over. Only the team sees it.")
    resume_command: str = Field("/bot resume", description="What a person of the team writes to hand back.")
    resume_reaction: str = Field(
        "", description="A reaction of the team that hands back.", examples=["white_check_mark"]
    )
    resume_after: Duration = Field(timedelta(hours=12), description="The bot comes back by itself after this long.")
