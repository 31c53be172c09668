"""Messages and reactions, and the order of both."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Derived, Table, grouped

MESSAGE_INPUT = frozenset(
    {
        "id", "text", "mml", "html", "attachments", "mentioned_users", "mentioned_roles", "mentioned_group_ids",
        "mentioned_channel", "mentioned_here", "parent_id", "show_in_channel", "quoted_message_id", "silent", "type",
        "user", "user_id", "pinned", "pin_expires", "pinned_at", "poll_id", "restricted_visibility", "shared_location",
        "i18n",
    }
)  # fmt: skip
"""Fields that a client may set."""

MESSAGE_RESERVED = frozenset(
    {
        "args", "before_message_send_failed", "channel", "cid", "command", "command_info", "created_at", "deleted_at",
        "deleted_for_me", "deleted_reply_count", "draft", "image_labels", "latest_reactions", "member",
        "mentioned_groups", "message_text_updated_at", "moderation", "own_reactions", "pinned_by", "poll",
        "quoted_message", "reaction_counts", "reaction_groups", "reaction_scores", "reminder", "reply_count",
        "shadowed", "status", "thread_participants", "updated_at", "error", "skip_push", "skip_enrich_url",
    }
)  # fmt: skip
"""Fields of answers, which clients send back with a whole message; ignored in input."""

ATTACHMENT_FIELDS = frozenset(
    {
        "actions", "asset_url", "author_icon", "author_link", "author_name", "color", "fallback", "fields", "footer",
        "footer_icon", "giphy", "image_url", "og_scrape_url", "original_height", "original_width", "pretext", "text",
        "thumb_url", "title", "title_link", "type",
    }
)  # fmt: skip
"""Fields of an attachment that Stream names; the rest is custom."""


@dataclass(slots=True)
class Message(Record):
    """A message. Attachments are `{"fields": ..., "custom": ...}`; reactions and replies stand in their own indexes."""

    KEY = ("id",)

    id: str
    cid: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    text: str = ""
    type: str = "regular"
    html: str = ""
    mml: str | None = None
    command: str | None = None
    args: str | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    mentioned_user_ids: list[str] = field(default_factory=list)
    mentioned_roles: list[str] = field(default_factory=list)
    mentioned_group_ids: list[str] = field(default_factory=list)
    mentioned_channel: bool = False
    mentioned_here: bool = False
    parent_id: str | None = None
    show_in_channel: bool = False
    quoted_message_id: str | None = None
    poll_id: str | None = None
    silent: bool = False
    shadowed: bool = False
    pinned: bool = False
    pinned_at: datetime | None = None
    pinned_by_id: str | None = None
    pin_expires: datetime | None = None
    deleted_at: datetime | None = None
    deleted_for: list[str] = field(default_factory=list)
    message_text_updated_at: datetime | None = None
    restricted_visibility: list[str] = field(default_factory=list)
    i18n: dict[str, str] | None = None
    shared_location: dict[str, Any] | None = None
    moderation: dict[str, Any] | None = None
    pending: bool = False
    updated_by_id: str | None = None
    pending_message_metadata: dict[str, str] | None = None
    custom: dict[str, Any] = field(default_factory=dict)

    @property
    def in_channel(self) -> bool:
        """Whether the message stands in the channel's own timeline: it is not a reply, or is shown there, too."""
        return self.parent_id is None or self.show_in_channel


@dataclass(slots=True)
class Reaction(Record):
    """One user's reaction of one type to one message."""

    KEY = ("message_id", "user_id", "type")

    message_id: str
    user_id: str
    type: str
    created_at: datetime
    updated_at: datetime
    score: int = 1
    emoji_code: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)


def by_time(message: Message) -> datetime:
    """Messages are ordered by creation."""
    return message.created_at


class Timelines:
    """Messages in the order of their creation: those of each channel, and the replies to each message."""

    def __init__(self) -> None:
        self._channels: dict[str, list[Message]] = {}
        self._threads: dict[str, list[Message]] = {}

    def added(self, message: Message) -> None:
        """File a message where it belongs."""
        for line in self._lines(message):
            if not line or line[-1].created_at <= message.created_at:
                line.append(message)
            else:
                insort(line, message, key=by_time)

    def removed(self, message: Message) -> None:
        """Take a message out."""
        for line in self._lines(message):
            at = position(line, message)
            if at is not None:
                del line[at]

    def channel(self, cid: str) -> list[Message]:
        """Return a channel's own messages, oldest first. Not to be changed."""
        return self._channels.get(cid, [])

    def replies(self, parent_id: str) -> list[Message]:
        """Return the replies to a message, oldest first. Not to be changed."""
        return self._threads.get(parent_id, [])

    def _lines(self, message: Message) -> list[list[Message]]:
        lines = []
        if message.in_channel:
            lines.append(self._channels.setdefault(message.cid, []))
        if message.parent_id is not None:
            lines.append(self._threads.setdefault(message.parent_id, []))
        return lines


def position(line: list[Message], message: Message) -> int | None:
    """Where a message stands in a timeline, or None."""
    at = bisect_left(line, message.created_at, key=by_time)
    while at < len(line) and line[at].created_at == message.created_at:
        if line[at].id == message.id:
            return at
        at += 1
    return None


MESSAGES = Table("messages", Message)
REACTIONS = Table("reactions", Reaction)
TIMELINES: Derived[Message, Timelines] = Derived(MESSAGES, Timelines)
MESSAGES_OF = grouped(MESSAGES, lambda message: message.cid)
REACTIONS_TO = grouped(REACTIONS, lambda reaction: reaction.message_id)
