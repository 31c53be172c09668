"""The conditions under which a bot speaks, and the team behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.parts.hours import OfficeHours
from framework.definition.parts.part import Duration, Part, Texts


class Conditions(Part):
    """What must hold for a turn to start. Never answering bots is not a condition but always so."""

    users: Texts = Field(
        (), description="Only these people (user ids, with wildcards); none: everybody.", examples=[["ada", "staff-*"]]
    )
    not_users: Texts = Field((), description="Never these people.", examples=[["bob"]])
    roles: Texts = Field(
        (),
        description="Only people with one of these roles in the app, or with one in the channel that is named in full "
        "(`channel_moderator`); none: any role.",
        examples=[["vip"]],
    )
    not_team: bool = Field(
        True,
        description="Not for the team's own people, where `team` says who they are or handover is on, unless they call "
        "the bot by an @mention.",
    )
    hours: OfficeHours | None = Field(None, description="Only in these hours; see `outside`.")
    outside: Literal["silent", "say"] = Field(
        "silent",
        description="Outside the hours: nothing, or the phrase `closed`, in a channel or thread once per person and "
        "closing.",
    )
    quiet_after_person: Duration = Field(
        timedelta(0),
        examples=["10m"],
        description="After a team member writes in the channel or thread, the bot stays silent for this long. It "
        "also drops questions that it has not started to answer.",
    )
    addressed_only: bool = Field(
        False, description="Silent where people talk to each other: a reply to, or a mention of, somebody else."
    )
    turns_without_person: int = Field(
        20,
        ge=1,
        description="Replies in a row to one account, within an hour and without a message of another person, after "
        "which the bot is silent. Not given: only where the account plainly answers by itself.",
    )


class Team(Part):
    """Who the people behind the bot are."""

    users: Texts = Field((), description="User ids, with wildcards.", examples=[["ada", "grace"]])
    roles: Texts = Field(("admin", "moderator"), description="Roles in the app.")
    channel_roles: Texts = Field(
        (),
        description="Roles in the channel that count as well. Name one only where no customer can give it out: whoever "
        "creates a channel may be able to.",
        examples=[["channel_moderator"]],
    )
    channels: Texts = Field(
        (),
        description="TYPE:ID of further channels for the team alone, where tools post. Made at start, and checked.",
        examples=[["team:reports"]],
    )
    hours: OfficeHours | None = Field(None, description="When somebody of the team is there.")
    approve_own: bool = Field(
        False, description="Whether a person of the team may approve a tool call that they asked for themselves."
    )
