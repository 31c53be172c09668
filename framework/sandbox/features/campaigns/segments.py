"""Segments: named sets of users or channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS, MEMBERSHIPS_OF, Channel
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class Segment(Record):
    """A set of users or channels: those that were added, those that a filter finds, or all."""

    KEY = ("id",)

    id: str
    type: str
    created_at: datetime
    updated_at: datetime
    name: str = ""
    description: str = ""
    filter: dict[str, Any] = field(default_factory=dict)
    all_users: bool = False
    all_sender_channels: bool = False


@dataclass(slots=True)
class SegmentTarget(Record):
    """A user id, or the cid of a channel, in a segment."""

    KEY = ("segment_id", "target_id")

    segment_id: str
    target_id: str
    created_at: datetime


SEGMENTS = Table("segments", Segment)
SEGMENT_TARGETS = Table("segment_targets", SegmentTarget)
TARGETS_OF = grouped(SEGMENT_TARGETS, lambda target: target.segment_id)


NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""A time that the answers' types require where nothing has happened yet."""


def user_ids(call: Call, segment: Segment) -> list[str]:
    """Return the users of a segment that exist, each once."""
    found = _added(call, segment)
    users = [user for user in call.store[USERS] if user.deleted_at is None and user.deactivated_at is None]
    if segment.all_users:
        found |= {user.id: None for user in users}
    elif segment.filter:
        found |= {user.id: None for user in select(users, segment.filter, _value)}
    return [user_id for user_id in found if user_id in call.store[USERS]]


def cids(call: Call, segment: Segment, sender_id: str | None = None) -> list[str]:
    """The channels of a segment that exist, each once; `sender_id` is whose channels `all_sender_channels` means."""
    found = _added(call, segment)
    if segment.all_sender_channels and sender_id is not None:
        found |= {member.cid: None for member in call.store.index(MEMBERSHIPS_OF).of(sender_id)}
    elif segment.filter:
        found |= {channel.cid: None for channel in select(call.store[CHANNELS], segment.filter, _value)}
    return [cid for cid in found if cid in call.store[CHANNELS]]


def size(call: Call, segment: Segment) -> int:
    """Return how many targets a segment has; those that were added count before they exist."""
    added = _added(call, segment)
    others = user_ids(call, segment) if segment.type == "user" else cids(call, segment)
    return len({*added, *others})


def view(call: Call, segment: Segment) -> dict[str, Any]:
    """A segment with its size. The service answers a `deleted_at` with every one of them, also where nothing is."""
    fields = segment.view().fields
    return {**fields, "size": size(call, segment), "locked": False, "task_id": "", "deleted_at": NEVER}


def _added(call: Call, segment: Segment) -> dict[str, None]:
    return dict.fromkeys(target.target_id for target in call.store.index(TARGETS_OF).of(segment.id))


def _value(item: User | Channel, name: str) -> Json:
    if name in type(item).names() and name != "custom":
        return getattr(item, name)
    return dig(item.custom, name.removeprefix("custom."))
