"""Bans, from the app or from a channel, and those that wait for channels to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.model.channel import pair
from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class Ban(Record):
    """A ban of a user from one channel, or from the app with an empty `cid`. `shadow` lets the user write unseen."""

    target_id: str
    cid: str
    created_at: datetime
    banned_by_id: str | None = None
    reason: str | None = None
    expires: datetime | None = None
    shadow: bool = False
    ip_ban: bool = False

    @property
    def key(self) -> str:
        """Where, and who."""
        return pair(self.cid, self.target_id)


@dataclass(slots=True)
class FutureBan(Record):
    """A user is banned from every channel that another one creates from now on."""

    target_id: str
    created_by_id: str
    created_at: datetime
    reason: str | None = None
    expires: datetime | None = None
    shadow: bool = False

    @property
    def key(self) -> str:
        """By whom, and who."""
        return pair(self.created_by_id, self.target_id)


BANS = Table("bans", Ban)
BANS_OF = grouped(BANS, lambda ban: ban.target_id)
FUTURE_BANS = Table("future_bans", FutureBan)
FUTURE_BANS_BY = grouped(FUTURE_BANS, lambda ban: ban.created_by_id)
