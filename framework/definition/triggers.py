"""When a bot speaks: what starts a turn, and the conditions under which it does."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.part import Duration, Part

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
MESSAGE_KINDS: frozenset[str] = frozenset(
    {"every_message", "mention", "direct_message", "keyword", "regex", "command", "thread_reply", "button"}
)
"""Triggers that start a turn for a message of a person; the others start one without a message."""


class Trigger(Part):
    """One thing that starts a turn. In bot.yaml a word (`mention`), or one key with its values (`keyword: [refund]`)."""

    on: TriggerKind = Field(description="What starts the turn.")
    values: tuple[str, ...] = Field(
        (),
        description="Keywords, regular expressions, commands without the slash, reactions, button values or event types.",
    )
    cron: str = Field("", description="For `schedule`: five fields, as in `0 9 * * 1-5`.")
    timezone: str = Field("UTC", description="For `schedule`: the time zone of `cron`, as in Europe/Berlin.")
    after: Duration = Field(timedelta(minutes=30), description="For `idle`: how long nobody has written, as in 30m.")
    do: str = Field(
        "", description="What the bot is to do, told to the model as its task; without it, it answers the message."
    )
    say: str = Field("", description="A fixed text to post instead of asking the model.")


class OfficeHours(Part):
    """When the bot, or the team, is there. A day that is not named is closed; times as in `9:00-12:30, 14:00-17:00`."""

    timezone: str = Field("UTC", description="An IANA time zone, as in Europe/Berlin.")
    days: dict[str, str] = Field(
        default_factory=dict, description="Times for mon, tue, wed, thu, fri, sat, sun, or ranges such as mon-fri."
    )
    closed: tuple[str, ...] = Field((), description="Dates on which it is closed, as in 2026-12-25.")


class Conditions(Part):
    """What must hold for a turn to start. Never answering bots is not a condition but always so."""

    users: tuple[str, ...] = Field((), description="Only these people (user ids, with wildcards); none: everybody.")
    not_users: tuple[str, ...] = Field((), description="Never these people.")
    roles: tuple[str, ...] = Field((), description="Only people with one of these roles; none: any role.")
    not_team: bool = Field(True, description="Not for messages of the team's own people.")
    hours: OfficeHours | None = Field(None, description="Only in these hours; see `outside`.")
    outside: Literal["silent", "say"] = Field(
        "silent", description="Outside the hours: nothing, or the phrase `closed`, once per person and closing."
    )
    quiet_after_person: Duration = Field(
        timedelta(0), description="Silent for so long after a person of the team wrote in the channel or thread."
    )
    addressed_only: bool = Field(
        False, description="Silent where people talk to each other: a reply to, or a mention of, somebody else."
    )
    turns_without_person: int = Field(
        20, ge=1, description="Replies in a row, without a message of another person, after which the bot is silent."
    )


class Team(Part):
    """Who the people behind the bot are."""

    users: tuple[str, ...] = Field((), description="User ids, with wildcards.")
    roles: tuple[str, ...] = Field(("admin", "moderator"), description="Roles, in the app or in the channel.")
    hours: OfficeHours | None = Field(None, description="When somebody of the team is there.")
