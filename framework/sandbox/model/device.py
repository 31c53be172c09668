"""Devices that take push notifications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class Device(Record):
    """A device of a user. Its id is unique in the app: registered anew, it goes over to the new user."""

    id: str
    push_provider: str
    user_id: str
    created_at: datetime
    push_provider_name: str | None = None
    hardware_id: str | None = None
    voip: bool = False

    @property
    def key(self) -> str:
        """The device's id."""
        return self.id


DEVICES = Table("devices", Device)
DEVICES_OF = grouped(DEVICES, lambda device: device.user_id)
