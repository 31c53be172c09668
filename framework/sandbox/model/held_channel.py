"""Channels that went with their creator's account, kept to come back with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class HeldChannel(Record):
    """A channel out of sight, with its memberships and read states: the documents of their records.

    Its messages stay where they are.
    """

    cid: str
    user_id: str
    channel: str
    members: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The channel's cid."""
        return self.cid


HELD_CHANNELS = Table("held_channels", HeldChannel)
HELD_CHANNELS_OF = grouped(HELD_CHANNELS, lambda held: held.user_id)
