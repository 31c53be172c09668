"""What users set between themselves and others: blocks, and mutes of channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class UserBlock(Record):
    """One user blocks another: their 1:1 channel goes out of sight for who blocks."""

    KEY = ("user_id", "blocked_user_id")

    user_id: str
    blocked_user_id: str
    created_at: datetime


@dataclass(slots=True)
class ChannelMute(Record):
    """A user mutes a channel: it counts no unread messages. `expires` None lasts until it is lifted."""

    KEY = ("cid", "user_id")

    cid: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    expires: datetime | None = None


BLOCKS = Table("blocks", UserBlock)
BLOCKS_BY = grouped(BLOCKS, lambda block: block.user_id)
BLOCKS_OF = grouped(BLOCKS, lambda block: block.blocked_user_id)
CHANNEL_MUTES = Table("channel_mutes", ChannelMute)
CHANNEL_MUTES_BY = grouped(CHANNEL_MUTES, lambda mute: mute.user_id)
CHANNEL_MUTES_OF = grouped(CHANNEL_MUTES, lambda mute: mute.cid)


@dataclass(slots=True)
class UserMute(Record):
    """One user mutes another: its messages count as read. `expires` None lasts until it is lifted."""

    KEY = ("user_id", "target_id")

    user_id: str
    target_id: str
    created_at: datetime
    updated_at: datetime
    expires: datetime | None = None


USER_MUTES = Table("user_mutes", UserMute)
USER_MUTES_BY = grouped(USER_MUTES, lambda mute: mute.user_id)
