"""Remember for two seconds what channels are: they change rarely, and many turns ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from framework.stream.model import ChannelInfo, ChannelRef, Message
from framework.stream.port import ChatService

_FRESH = timedelta(seconds=2)
_REMEMBERED = 5_000


@dataclass(frozen=True)
class _Known:
    """A channel as it was at a time. `look`: the demand for a new look that came last before it was asked for."""

    look: int
    at: datetime
    info: ChannelInfo


class ChannelInfos:
    """Remembers what channels are for two seconds. Every call raises ChatServiceError."""

    def __init__(self, service: ChatService, now: Callable[[], datetime]) -> None:
        self._service = service
        self._now = now
        self._known: dict[ChannelRef, _Known] = {}
        self._valid_from: dict[ChannelRef, int] = {}
        self._looks = 0
        self._asking: WeakValueDictionary[ChannelRef, asyncio.Lock] = WeakValueDictionary()

    def look_anew(self, channel: ChannelRef) -> None:
        """Forget what the channel is, also what was asked for and did not come yet."""
        self._looks += 1
        self._valid_from[channel] = self._looks

    def members_of(self, channel: ChannelRef) -> int:
        """Return how many members the channel had when it was last asked for, however long ago; 0: it was not."""
        known = self._known.get(channel)
        return known.info.member_count if known is not None else 0

    async def get(self, channel: ChannelRef) -> ChannelInfo:
        """Return what the channel is. It is asked for at most every two seconds, and by one turn at a time."""
        async with self._asking.setdefault(channel, asyncio.Lock()):
            known = self._known.get(channel)
            look = self._valid_from.get(channel, 0)
            if known is not None and known.look == look and self._now() - known.at < _FRESH:
                return known.info
            info = await self._service.info(channel)
            self._remember(info, look)
            return info

    async def page(self, channel: ChannelRef, *, limit: int) -> Sequence[Message]:
        """Return the newest messages of a channel outside threads, oldest first.

        The same call tells what the channel is, which is remembered.
        """
        look = self._valid_from.get(channel, 0)
        view = await self._service.view(channel, limit=limit)
        self._remember(view.info, look)
        return view.messages

    def _remember(self, info: ChannelInfo, look: int) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
            self._valid_from.clear()
        self._known[info.channel] = _Known(look, self._now(), info)
