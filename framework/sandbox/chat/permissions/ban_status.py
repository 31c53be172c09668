"""Bans, from the app or from a channel, and what they mean for a user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox


@dataclass(slots=True)
class Ban(Record):
    """A ban of a user from one channel, or from the app with an empty `cid`. `shadow` lets the user write unseen."""

    KEY = ("cid", "target_id")

    target_id: str
    cid: str
    created_at: datetime
    banned_by_id: str | None = None
    reason: str | None = None
    expires: datetime | None = None
    shadow: bool = False
    ip_ban: bool = False


@dataclass(slots=True)
class FutureBan(Record):
    """A user is banned from every channel that another one creates from now on."""

    KEY = ("created_by_id", "target_id")

    target_id: str
    created_by_id: str
    created_at: datetime
    reason: str | None = None
    expires: datetime | None = None
    shadow: bool = False


BANS = Table("bans", Ban)
BANS_OF = grouped(BANS, lambda ban: ban.target_id)
FUTURE_BANS = Table("future_bans", FutureBan)
FUTURE_BANS_BY = grouped(FUTURE_BANS, lambda ban: ban.created_by_id)


def in_force(sandbox: Sandbox, cid: str, user_id: str) -> list[Ban]:
    """A user's bans that hold in a channel: the app's and the channel's own."""
    if not sandbox.store.index(BANS_OF).count(user_id):
        return []
    return [ban for ban in sandbox.store.index(BANS_OF).of(user_id) if ban.cid in ("", cid)]


def is_banned(sandbox: Sandbox, cid: str, user_id: str) -> bool:
    """Return whether a user may not write in a channel."""
    return any(not ban.shadow for ban in in_force(sandbox, cid, user_id))


def is_shadow_banned(sandbox: Sandbox, cid: str, user_id: str) -> bool:
    """Return whether only the user itself sees what it writes in a channel."""
    return any(ban.shadow for ban in in_force(sandbox, cid, user_id))
