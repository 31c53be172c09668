"""Locations that messages share: a place, or a live one that moves until it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class Location(Record):
    """The location of one message, in degrees; live while `end_at` is ahead."""

    message_id: str
    cid: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    latitude: float
    longitude: float
    created_by_device_id: str = ""
    end_at: datetime | None = None

    @property
    def key(self) -> str:
        """The message's id."""
        return self.message_id


LOCATIONS = Table("locations", Location)
LOCATIONS_OF = grouped(LOCATIONS, lambda location: location.user_id)
LOCATIONS_IN = grouped(LOCATIONS, lambda location: location.cid)
