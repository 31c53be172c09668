"""What users set between themselves and others: blocks, and mutes of channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class Block(Record):
    """One user blocks another: their 1:1 channel goes out of sight for who blocks."""

    user_id: str
    blocked_user_id: str
    created_at: datetime

    @property
    def key(self) -> str:
        """Who blocks, and whom."""
        return pair(self.user_id, self.blocked_user_id)


@dataclass(slots=True)
class ChannelMute(Record):
    """A user mutes a channel: it counts no unread messages. `expires` None lasts until it is lifted."""

    cid: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    expires: datetime | None = None

    @property
    def key(self) -> str:
        """Channel and user."""
        return pair(self.cid, self.user_id)


BLOCKS = Table("blocks", Block)
BLOCKS_BY = grouped(BLOCKS, lambda block: block.user_id)
BLOCKS_OF = grouped(BLOCKS, lambda block: block.blocked_user_id)
CHANNEL_MUTES = Table("channel_mutes", ChannelMute)
CHANNEL_MUTES_BY = grouped(CHANNEL_MUTES, lambda mute: mute.user_id)
CHANNEL_MUTES_OF = grouped(CHANNEL_MUTES, lambda mute: mute.cid)


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
