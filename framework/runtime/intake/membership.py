"""Membership: in which channels the bot is, and how it comes to be there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.intake.catch_up import FIRST_PAGE, CatchUp
from framework.runtime.intake.coverage import Coverage
from framework.runtime.intake.pace import EvenPace
from framework.runtime.team.channels import prepare_all
from framework.runtime.team.words import review_channels
from framework.stream.model import ChannelRef, ChannelState
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
Standing = Literal["own", "unknown", "foreign"]
_CHUNK = 30  # channels joined and watched before the next ones: the first answers need not wait for the last channel


class Membership:
    """Joins and watches the channels of the definition, and hands what it reads of them to catching up.

    One thing happens at a time. Every call raises ChatServiceError if the service cannot be reached; it may be made
    again. A channel that refuses the bot is logged and left out until the next connection. Without `watching` there is
    no connection: events come by another way, and channels are only read. `tell` is told what was read, too,
    and `before` is told it before catching up.
    """

    def __init__(
        self,
        bot: RunningBot,
        catch_up: CatchUp,
        limits: Limits,
        timing: Timing,
        *,
        pace: EvenPace,
        watching: bool = True,
        tell: Callable[[Sequence[ChannelState]], Awaitable[None]] | None = None,
        before: Callable[[Sequence[ChannelState]], Awaitable[None]] | None = None,
    ) -> None:
        self._bot = bot
        self._catch_up = catch_up
        self._limits = limits
        self._timing = timing
        self._pace = pace
        self._watching = watching
        self._tell = tell
        self._before = before
        self._known: dict[ChannelRef, None] = {}
        self._refused: set[ChannelRef] = set()
        self._coverage = Coverage(bot)
        self._not_ours: set[ChannelRef] = set()  # by their fields or members, when last looked at
        self._looked_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    def covers(self, channel: ChannelRef) -> bool:
        """Whether the definition says that the bot works here, and nobody removed it."""
        return self._coverage.covers(channel)

    def standing(self, channel: ChannelRef) -> Standing:
        """Return what the channel is to the bot: `unknown` if only a look at it tells."""
        if not self.covers(channel):
            return "foreign"
        return "own" if channel in self._known or not self._coverage.depends(channel) else "unknown"

    def is_entered(self, channel: ChannelRef) -> bool:
        """Whether the bot has come to this channel of its own, or was refused there."""
        return channel in self._known or channel in self._refused

    @property
    def known(self) -> tuple[ChannelRef, ...]:
        """The channels that the bot watches."""
        return tuple(self._known)

    async def enter(self) -> None:
        """Create what is to be created, find every channel of the definition, join, watch and catch up."""
        async with self._one_at_a_time:
            self._refused.clear()
            await prepare_all(self._bot.service, self._bot.user_id, self._bot.definition)
            created = [ChannelRef.parse(cid) for cid in self._bot.definition.channels.create]
            created += review_channels(self._bot.definition)
            created = [channel for channel in created if self.covers(channel)]
            for channel in created:
                await self._bot.service.create_channel(channel)
            now = self._timing.now()
            await self._admit([*created, *await self._coverage.find(None)])
            await self._catch_up.old_threads()
            self._looked_at = now
            _log.info("channels.watched", bot=self._bot.name, channels=len(self._known))

    async def rewatch(self) -> None:
        """Watch again what is known, and find what is new: on a new connection."""
        async with self._one_at_a_time:
            self._refused.clear()
            await self._watch(self.known)
            await self._look_again()
            await self._catch_up.old_threads()
        await self.discover()

    async def redefine(self) -> None:
        """The definition changed: enter what is new in it. What it no longer covers is left alone: the bot stays a
        member there, and says nothing more.
        """
        for channel in self.known:
            if not self.covers(channel):
                del self._known[channel]
                self._catch_up.forget(channel)
                _log.info("channel.left_alone", bot=self._bot.name, channel=str(channel), why="no longer in bot.yaml")
        await self.enter()

    async def reconcile(self) -> None:
        """Read the known channels again, for what slipped through."""
        async with self._one_at_a_time:
            await self._look_again()
            await self._read(self.known, watching=False)

    async def consider(self, channel: ChannelRef) -> None:
        """Something happened in a channel that may be the bot's: enter it, and answer what is there."""
        async with self._one_at_a_time:
            if channel in self._known:  # entered meanwhile, maybe before what happened could be read
                await self._read([channel], watching=False)
            elif channel not in self._not_ours and channel not in self._refused:
                await self._admit(await self._ours([channel]))

    async def discover(self) -> None:
        """Find channels created since the last look. Looks overlap by as much as the clocks may differ."""
        async with self._one_at_a_time:
            now = self._timing.now()
            since = self._looked_at - self._limits.clock_skew if self._looked_at else None
            if self._bot.definition.channels.automatic:  # else somebody's invitation tells of it
                await self._admit(await self._coverage.find(since))
            self._looked_at = now

    async def add(self, channel: ChannelRef) -> None:
        """Someone made the bot a member: work there if the definition says so."""
        async with self._one_at_a_time:
            self._refused.discard(channel)
            ours = await self._ours([channel])
            await self._admit(ours)
        if not ours:
            _log.info("channel.ignored", bot=self._bot.name, channel=str(channel), why="not in the bot's definition")

    def invite(self, channel: ChannelRef) -> None:
        """Somebody made the bot a member, wherever it was removed before; `add` makes it work there."""
        self._coverage.call_back(channel)

    def leave(self, channel: ChannelRef) -> bool:
        """Somebody removed the bot: it stays away until somebody adds it. False: it did not work there."""
        if not self.covers(channel):
            return False
        self._coverage.send_away(channel)
        self.forget(channel)
        return True

    async def remember(self, channel: ChannelRef) -> None:
        """Have a later process stay away, too."""
        await self._coverage.remember(channel)

    def gone(self, channel: ChannelRef) -> None:
        """The channel does not exist any more; one of its name may come."""
        self._coverage.call_back(channel)
        self.forget(channel)

    def forget(self, channel: ChannelRef) -> None:
        """The bot does not work there any more, or the channel is gone."""
        if channel in self._known:
            del self._known[channel]
            self._catch_up.forget(channel)
            _log.info("channel.left", bot=self._bot.name, channel=str(channel))

    async def _look_again(self) -> None:
        """Where more than names decides, channels become the bot's and cease to be so without a word of the service."""
        if not self._coverage.is_restricted:
            return
        self._not_ours.clear()
        ours = await self._ours(self.known)
        for channel in set(self.known).difference(ours):
            self.forget(channel)
        await self._admit(await self._coverage.find(None))

    async def _ours(self, channels: Sequence[ChannelRef]) -> list[ChannelRef]:
        ours = await self._coverage.fitting(channels)
        self._not_ours.update(set(channels).difference(ours))
        return ours

    async def _admit(self, channels: Iterable[ChannelRef]) -> None:
        """Join and watch those that are new."""
        new = dict.fromkeys(c for c in channels if c not in self._known and c not in self._refused)
        for chunk in _chunks(new):
            joined = await self._join(chunk)
            await self._watch(joined)

    async def _join(self, channels: Sequence[ChannelRef]) -> list[ChannelRef]:
        """Become a member of all; one by one if the service refuses the lot, to tell which one it means."""
        try:
            await self._bot.service.join(channels)
        except ChatServiceError as error:
            if error.retryable:
                raise
            if len(channels) > 1:
                return [joined for channel in channels for joined in await self._join([channel])]
            self._refuse(channels[0], error.what)
            return []
        return list(channels)

    async def _watch(self, channels: Sequence[ChannelRef]) -> None:
        await self._read(channels, watching=self._watching)

    async def _read(self, channels: Sequence[ChannelRef], *, watching: bool) -> None:
        service = self._bot.service
        for chunk in _chunks(channels):
            await self._pace.keep()
            states: Sequence[ChannelState] = await (service.watch if watching else service.look)(
                chunk, limit=FIRST_PAGE
            )
            watched = {state.channel for state in states}
            self._known |= dict.fromkeys(channel for channel in chunk if channel in watched)
            for channel in chunk:
                if channel not in watched:
                    self.forget(channel)
                    self._refuse(channel, "gone, or closed to the bot")
            await self._coverage.forgive(states)
            if self._before is not None:
                await self._before(states)
            await self._catch_up.run(states)
            if self._tell is not None:
                await self._tell(states)

    def _refuse(self, channel: ChannelRef, why: str) -> None:
        self._refused.add(channel)
        _log.warning("channel.refused", bot=self._bot.name, channel=str(channel), why=why)


def _chunks(channels: Iterable[ChannelRef]) -> Iterable[list[ChannelRef]]:
    rest = iter(list(channels))
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
