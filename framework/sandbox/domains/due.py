"""What is done at its time, by kind. `due.perform` calls these with a server's call and the key of the subject."""

from __future__ import annotations

from collections.abc import Callable

from framework.sandbox.call import Call
from framework.sandbox.domains import mutes, retention
from framework.sandbox.services import bans, campaigns, pins, reminders

HANDLERS: dict[str, Callable[[Call, str], None]] = {
    bans.LIFT: bans.lift_expired,
    bans.LIFT_FUTURE: bans.lift_future,
    mutes.LIFT: mutes.lift_expired,
    campaigns.START: campaigns.start_due,
    campaigns.STOP: campaigns.stop_due,
    retention.RUN: retention.run,
    pins.EXPIRE: pins.expire,
    reminders.DUE: reminders.remind,
}
