"""Messages that come by a new connection before their channel was read back: those sent before them go first."""

from __future__ import annotations

from collections.abc import Iterable

from framework.stream.model import ChannelRef, Message


class ReconnectBuffer:
    """What is held between a connection and the end of catching up after it.

    Held messages need no storage: after a crash, catch-up finds them in the channel.
    """

    def __init__(self) -> None:
        self._number = 0
        self._under_way = False
        self._read: set[ChannelRef] = set()
        self._held: dict[ChannelRef, list[Message]] = {}

    def begin(self) -> int:
        """A connection is up: nothing is known of what was said before. Returns what `end` is to be given."""
        self._number += 1
        self._under_way = True
        self._read.clear()
        return self._number

    def holds(self, message: Message) -> bool:
        """Whether a message has to wait; then it is kept, and comes back by `read` or `end`."""
        if not self._under_way or message.channel in self._read:
            return False
        self._held.setdefault(message.channel, []).append(message)
        return True

    def read(self, channels: Iterable[ChannelRef]) -> list[Message]:
        """These channels were read back, and what was missing there is in hand. Returns what was held of them."""
        passed = list(channels)
        self._read.update(passed)
        return [message for channel in passed for message in self._held.pop(channel, [])]

    def end(self, number: int) -> list[Message]:
        """All that can be read was. Returns what is still held, unless a newer connection is being caught up with."""
        if number != self._number:
            return []
        self._under_way = False
        return self.read(list(self._held))
