"""Users."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, ordered

USER_INPUT = frozenset(
    {
        "id", "name", "image", "role", "teams", "teams_role", "language", "invisible", "privacy_settings",
        "push_notifications", "revoke_tokens_issued_before",
    }
)  # fmt: skip
"""Fields that a client may set."""

USER_RESERVED = frozenset(
    {
        "anon", "avg_response_time", "ban_expires", "banned", "blocked_user_ids", "channel_mutes", "created_at",
        "deactivated_at", "deleted_at", "devices", "last_active", "latest_hidden_channels", "mutes", "online",
        "shadow_banned", "total_unread_count", "unread_channels", "unread_count", "unread_threads", "updated_at",
    }
)  # fmt: skip
"""Fields of answers, which clients send back with a whole user; ignored in input."""


@dataclass(slots=True)
class User(Record):
    """A user. `custom` is the app's own data; `name` and `image` are Stream's own."""

    KEY = ("id",)

    id: str
    created_at: datetime
    updated_at: datetime
    role: str = "user"
    name: str | None = None
    image: str | None = None
    language: str = ""
    invisible: bool = False
    banned: bool = False
    shadow_banned: bool = False
    ban_expires: datetime | None = None
    teams: list[str] = field(default_factory=list)
    teams_role: dict[str, str] | None = None
    privacy_settings: dict[str, Any] | None = None
    push_notifications: dict[str, Any] | None = None
    last_active: datetime | None = None
    deactivated_at: datetime | None = None
    deleted_at: datetime | None = None
    revoke_tokens_issued_before: datetime | None = None
    answers: int = 0
    answer_seconds: float = 0.0
    custom: dict[str, Any] = field(default_factory=dict)


USERS = Table("users", User)
USERS_BY_ID = ordered(USERS)
