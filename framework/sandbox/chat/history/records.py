"""Events that cannot be told from what is stored now, kept for `/sync`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class PastEvent(Record):
    """An event as it was sent (v1), for one channel; `user_id` names its only receiver where it had one."""

    KEY = ("id",)

    id: str
    cid: str
    type: str
    at: datetime
    body: dict[str, Any]
    user_id: str | None = None


PAST_EVENTS = Table("past_events", PastEvent)
PAST_EVENTS_OF = grouped(PAST_EVENTS, lambda event: event.cid)
