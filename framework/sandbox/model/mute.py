"""Mutes of users by users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.model.channel import pair
from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class UserMute(Record):
    """One user mutes another: its messages count as read. `expires` None lasts until it is lifted."""

    user_id: str
    target_id: str
    created_at: datetime
    updated_at: datetime
    expires: datetime | None = None

    @property
    def key(self) -> str:
        """Who mutes, and whom."""
        return pair(self.user_id, self.target_id)


USER_MUTES = Table("user_mutes", UserMute)
USER_MUTES_BY = grouped(USER_MUTES, lambda mute: mute.user_id)
