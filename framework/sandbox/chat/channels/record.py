"""Channels, their members, and how far each user has read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

CHANNEL_INPUT = frozenset(
    {
        "created_by", "created_by_id", "members", "invites", "team", "frozen", "disabled",
        "auto_translation_enabled", "auto_translation_language", "config_overrides", "filter_tags", "cooldown",
        "truncated_by", "truncated_by_id",
    }
)  # fmt: skip
"""Fields that a client may set."""

CHANNEL_RESERVED = frozenset(
    {
        "id", "type", "cid", "config", "created_at", "updated_at", "deleted_at", "last_message_at", "member_count",
        "message_count", "own_capabilities", "truncated_at", "hidden", "muted",
    }
)  # fmt: skip
"""Fields of answers, which clients send back with a whole channel; ignored in input."""


MEMBER_INPUT = frozenset(
    {
        "id", "user_id", "user", "role", "channel_role", "created_at", "updated_at", "banned", "shadow_banned",
        "ban_expires", "notifications_muted", "invited", "invite_accepted_at", "invite_rejected_at", "is_moderator",
        "pinned_at", "archived_at", "deleted_at", "status",
    }
)  # fmt: skip
"""Fields of a member that Stream names; the rest is custom."""


@dataclass(slots=True)
class Channel(Record):
    """A channel. What follows from its messages and members (counts, last message) is derived, not stored.

    Its name and image are custom data: v2 has them nowhere else.
    """

    KEY = ("cid",)

    type: str
    id: str
    cid: str
    created_at: datetime
    updated_at: datetime
    created_by_id: str | None = None
    team: str | None = None
    frozen: bool = False
    disabled: bool = False
    cooldown: int = 0
    auto_translation_enabled: bool = False
    auto_translation_language: str = ""
    config_overrides: dict[str, Any] | None = None
    filter_tags: list[str] | None = None
    deleted_at: datetime | None = None
    truncated_at: datetime | None = None
    truncated_by_id: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Member(Record):
    """A user's membership of a channel, with what that user set for it (pinned, archived, hidden)."""

    KEY = ("cid", "user_id")

    cid: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    role: str = "member"
    channel_role: str = "channel_member"
    banned: bool = False
    shadow_banned: bool = False
    ban_expires: datetime | None = None
    notifications_muted: bool = False
    invited: bool = False
    invite_accepted_at: datetime | None = None
    invite_rejected_at: datetime | None = None
    pinned_at: datetime | None = None
    archived_at: datetime | None = None
    hidden: bool = False
    hide_messages_before: datetime | None = None
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Read(Record):
    """How far a user has read a channel. `_unread` is derived: counted up by each send, counted anew after a start."""

    KEY = ("cid", "user_id")

    cid: str
    user_id: str
    last_read: datetime
    last_read_message_id: str | None = None
    last_delivered_at: datetime | None = None
    last_delivered_message_id: str | None = None
    _unread: int | None = field(default=None, init=False, repr=False, compare=False)


def pair(first: str, second: str) -> str:
    """Return a key of two ids; neither can hold a slash."""
    return f"{first}/{second}"


CHANNELS = Table("channels", Channel)
MEMBERS = Table("members", Member)
READS = Table("reads", Read)
MEMBERS_OF = grouped(MEMBERS, lambda member: member.cid)
MEMBERSHIPS_OF = grouped(MEMBERS, lambda member: member.user_id)
READS_OF = grouped(READS, lambda read: read.cid)
