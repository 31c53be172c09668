"""The conditions under which a bot speaks, and the team behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.parts.hours import OfficeHours
from framework.definition.parts.part import Duration, Part, Texts


class Conditions(Part):
    """Conditions for a turn to start. A bot never answers bots, whatever they say."""

    users: Texts = Field(
        (),
        description="Answer only these people: user ids, with wildcards. Empty: everybody.",
        examples=[["ada", "staff-*"]],
    )
    not_users: Texts = Field((), description="Never answer these people.", examples=[["bob"]])
    roles: Texts = Field(
        (),
        description="Answer only people with one of these roles. Roles of the app, or roles of the channel by their "
        "full name (`channel_moderator`). Empty: any role.",
        examples=[["vip"]],
    )
    not_team: bool = Field(
        True,
        description="Do not answer the team, unless they call the bot by an @mention. Counts if `team` is declared or "
        "handover is on.",
    )
    hours: OfficeHours | None = Field(
        None, description="Answer only in these hours. `outside` says what happens otherwise."
    )
    outside: Literal["silent", "say"] = Field(
        "silent",
        description="Outside the hours: say nothing, or say the phrase `closed`, once to each person until the next "
        "opening.",
    )
    quiet_after_person: Duration = Field(
        timedelta(0),
        examples=["10m"],
        description="After a team member writes in the channel or thread, the bot stays silent for this long. It "
        "also drops questions that it has not started to answer.",
    )
    addressed_only: bool = Field(
        False, description="Stay silent if people talk to each other: if a message answers or mentions somebody else."
    )
    turns_without_person: int = Field(
        20,
        ge=1,
        description="After so many replies in a row to one account the bot is silent. Counted within an hour and "
        "without a message of another person. Unless it is given, it only counts for accounts that "
        "plainly answer by themselves.",
    )


class Team(Part):
    """The people behind the bot."""

    users: Texts = Field((), description="User ids, with wildcards.", examples=[["ada", "grace"]])
    roles: Texts = Field(("admin", "moderator"), description="Roles in the app.")
    channel_roles: Texts = Field(
        (),
        description="Roles in the channel that count as well. Name one only if no customer can give it out. The "
        "creator of a channel may be able to.",
        examples=[["channel_moderator"]],
    )
    channels: Texts = Field(
        (),
        description="TYPE:ID of further channels for the team only, in which tools post. Created at start, and "
        "checked.",
        examples=[["team:reports"]],
    )
    hours: OfficeHours | None = Field(None, description="When somebody of the team is there.")
    approve_own: bool = Field(
        False, description="Let a person of the team approve a tool call that they asked for themselves."
    )
