"""Segments: named sets of users or channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.model.channel import pair
from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class Segment(Record):
    """A set of users or channels: those that were added, those that a filter finds, or all."""

    id: str
    type: str
    created_at: datetime
    updated_at: datetime
    name: str = ""
    description: str = ""
    filter: dict[str, Any] = field(default_factory=dict)
    all_users: bool = False
    all_sender_channels: bool = False

    @property
    def key(self) -> str:
        """The segment's id."""
        return self.id


@dataclass(slots=True)
class SegmentTarget(Record):
    """A user id, or the cid of a channel, in a segment."""

    segment_id: str
    target_id: str
    created_at: datetime

    @property
    def key(self) -> str:
        """Segment and target."""
        return pair(self.segment_id, self.target_id)


SEGMENTS = Table("segments", Segment)
SEGMENT_TARGETS = Table("segment_targets", SegmentTarget)
TARGETS_OF = grouped(SEGMENT_TARGETS, lambda target: target.segment_id)
