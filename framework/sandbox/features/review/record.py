"""The review queue: what moderators look at, what they did, and who appealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Derived, Table, grouped


@dataclass(slots=True)
class ReviewItem(Record):
    """One entity in the queue, whatever number of reports it has."""

    KEY = ("id",)

    id: str
    entity_type: str
    entity_id: str
    created_at: datetime
    updated_at: datetime
    entity_creator_id: str | None = None
    status: str = "new"
    recommended_action: str = "flag"
    severity: int = 0
    config_key: str | None = None
    cid: str | None = None
    payload: dict[str, Any] | None = None
    latest_moderator_action: str = ""
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    completed_at: datetime | None = None
    escalated: bool = False
    escalated_at: datetime | None = None
    escalated_by: str | None = None
    escalation: dict[str, Any] | None = None


@dataclass(slots=True)
class ActionLog(Record):
    """One thing that a moderator, or the automatic moderation, did."""

    KEY = ("id",)

    id: str
    type: str
    created_at: datetime
    user_id: str = ""
    target_user_id: str = ""
    item_id: str = ""
    entity_type: str = ""
    entity_id: str = ""
    reason: str = ""
    reporter_type: str = "moderator"
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Appeal(Record):
    """A user asks for another look at what moderators decided."""

    KEY = ("id",)

    id: str
    user_id: str
    entity_type: str
    entity_id: str
    appeal_reason: str
    created_at: datetime
    updated_at: datetime
    status: str = "submitted"
    item_id: str = ""
    attachments: list[str] = field(default_factory=list)
    decision_reason: str | None = None


class ByEntity:
    """The item of each entity."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], ReviewItem] = {}

    def added(self, item: ReviewItem) -> None:
        """File an item under its entity."""
        self._items[item.entity_type, item.entity_id] = item

    def removed(self, item: ReviewItem) -> None:
        """Forget an item."""
        self._items.pop((item.entity_type, item.entity_id), None)

    def of(self, entity_type: str, entity_id: str) -> ReviewItem | None:
        """Return the item of an entity."""
        return self._items.get((entity_type, entity_id))


REVIEW_ITEMS = Table("review_items", ReviewItem)
REVIEW_OF: Derived[ReviewItem, ByEntity] = Derived(REVIEW_ITEMS, ByEntity)
ACTIONS = Table("action_logs", ActionLog)
ACTIONS_ON = grouped(ACTIONS, lambda action: action.item_id)
APPEALS = Table("appeals", Appeal)
