"""Flags: what users and the automatic moderation reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

MESSAGE = "stream:chat:v1:message"
USER = "stream:user"
AUTOMOD = "automod"
"""The reporter of what no user reported."""


@dataclass(slots=True)
class Flag(Record):
    """A report of a message, a user, or something of the app's own. `type` says what kind of reporter it came from."""

    KEY = ("id",)

    id: str
    user_id: str
    entity_type: str
    entity_id: str
    created_at: datetime
    updated_at: datetime
    type: str = "user_report"
    item_id: str = ""
    entity_creator_id: str | None = None
    cid: str | None = None
    reason: str | None = None
    labels: list[str] = field(default_factory=list)
    result: list[dict[str, Any]] = field(default_factory=list)
    original_text: str = ""
    reviewed_at: datetime | None = None
    reviewed_by_id: str | None = None
    approved_at: datetime | None = None
    rejected_at: datetime | None = None
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FlagReview(Record):
    """What a moderator said to the reports of one entity."""

    KEY = ("item_id",)

    item_id: str
    user_id: str
    created_at: datetime
    review_result: str
    details: dict[str, Any] = field(default_factory=dict)


FLAGS = Table("flags", Flag)
FLAGS_TO = grouped(FLAGS, lambda flag: f"{flag.entity_type}/{flag.entity_id}")
FLAG_REVIEWS = Table("flag_reviews", FlagReview)
