"""Reminders: messages that a user saved for later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.model.channel import pair
from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class Reminder(Record):
    """One user's reminder of one message; without a time it is a bookmark."""

    message_id: str
    user_id: str
    cid: str
    created_at: datetime
    updated_at: datetime
    remind_at: datetime | None = None

    @property
    def key(self) -> str:
        """Message and user."""
        return pair(self.message_id, self.user_id)


REMINDERS = Table("reminders", Reminder)
REMINDERS_OF = grouped(REMINDERS, lambda reminder: reminder.user_id)
REMINDERS_TO = grouped(REMINDERS, lambda reminder: reminder.message_id)
