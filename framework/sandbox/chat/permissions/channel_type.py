"""Channel types and their configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table

BUILT_IN_SINCE = datetime(2024, 1, 1, tzinfo=UTC)
BUILT_IN_TYPES = ("messaging", "livestream", "team", "gaming", "commerce")
BUILT_IN_COMMANDS = {
    "giphy": {"name": "giphy", "description": "Post a random gif to the channel", "args": "[text]", "set": "fun_set"},
    "mute": {"name": "mute", "description": "Mute a user", "args": "[@username]", "set": "moderation_set"},
    "unmute": {"name": "unmute", "description": "Unmute a user", "args": "[@username]", "set": "moderation_set"},
    "ban": {"name": "ban", "description": "Ban a user", "args": "[@username] [text]", "set": "moderation_set"},
    "unban": {"name": "unban", "description": "Unban a user", "args": "[@username]", "set": "moderation_set"},
    "flag": {"name": "flag", "description": "Flag a user", "args": "[@username]", "set": "moderation_set"},
}

DEFAULT_CONFIG: dict[str, Any] = {
    "typing_events": True,
    "read_events": True,
    "connect_events": True,
    "delivery_events": True,
    "search": True,
    "reactions": True,
    "replies": True,
    "quotes": True,
    "mutes": True,
    "uploads": True,
    "url_enrichment": True,
    "custom_events": True,
    "push_notifications": True,
    "reminders": False,
    "user_message_reminders": True,
    "shared_locations": True,
    "mark_messages_pending": False,
    "polls": True,
    "skip_last_msg_update_for_system_msgs": False,
    "count_messages": True,
    "message_retention": "infinite",
    "max_message_length": 5000,
    "automod": "disabled",
    "automod_behavior": "flag",
}


@dataclass(slots=True)
class ChannelType(Record):
    """A channel type. `config` holds the switches; `grants` maps a role to permission names where the app set them."""

    KEY = ("name",)

    name: str
    created_at: datetime = BUILT_IN_SINCE
    updated_at: datetime = BUILT_IN_SINCE
    config: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_CONFIG))
    commands: list[str] = field(default_factory=lambda: ["giphy"])
    grants: dict[str, list[str]] = field(default_factory=dict)
    permissions: list[dict[str, Any]] = field(default_factory=list)


CHANNEL_TYPES = Table("channel_types", ChannelType)


def built_in(name: str) -> ChannelType | None:
    """Return a fresh copy of a built-in type, or None."""
    return ChannelType(name) if name in BUILT_IN_TYPES else None
