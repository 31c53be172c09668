"""Campaigns: one message to many."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class Campaign(Record):
    """A campaign. `attachments` are the template's as messages store them; `sent` lists user, channel and message.

    `targets` are whom it goes to since it was started: a user id, or the cid of a channel. The first `tried` of them
    had their turn.
    """

    KEY = ("id",)

    id: str
    sender_id: str
    created_at: datetime
    updated_at: datetime
    name: str = ""
    description: str = ""
    status: str = "draft"
    message_template: dict[str, Any] = field(default_factory=dict)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    channel_template: dict[str, Any] | None = None
    segment_ids: list[str] = field(default_factory=list)
    user_ids: list[str] = field(default_factory=list)
    create_channels: bool = False
    show_channels: bool = False
    skip_push: bool = False
    skip_webhook: bool = False
    sender_mode: str = ""
    sender_visibility: str = ""
    scheduled_for: datetime | None = None
    stop_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    channels_created: int = 0
    sent: list[list[str]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    tried: int = 0


CAMPAIGNS = Table("campaigns", Campaign)
