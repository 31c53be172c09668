"""Planning what is to happen at a set time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.model.due import DUES, Due

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.call import Call


def plan(call: Call, kind: str, subject: str, at: datetime | None) -> None:
    """Do `kind` to `subject` at a time instead of at any time planned before; None only cancels."""
    cancel(call, kind, subject)
    if at is not None:
        call.store[DUES].put(Due(kind, subject, at))
        call.sandbox.alarm.set()


def cancel(call: Call, kind: str, subject: str) -> None:
    """Drop what was planned."""
    call.store[DUES].remove(f"{kind}/{subject}")
