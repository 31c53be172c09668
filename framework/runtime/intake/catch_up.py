"""Catching up: find the messages that should have been answered and were not, in the channels themselves."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.job import order
from framework.runtime.core.triggers import may_fire, not_answered
from framework.runtime.intake.pace import EvenPace
from framework.runtime.state.own import answers_in, own
from framework.runtime.team.words import may_be_for_the_bot
from framework.stream.model import ChannelRef, ChannelState, Message
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

FIRST_PAGE = 30  # messages read of every channel; enough for most channels' whole horizon
_PAGE = 100
_AT_ONCE = 8
_OVERLAP = timedelta(minutes=1)
_THREADS_REMEMBERED = 50_000

Nominate = Callable[[Message], Awaitable[bool]]
"""Take a message over to be answered; False: it is in hand or settled."""


class CatchUp:
    """Reads channels back to the horizon and nominates what is unanswered, oldest first.

    Nominating is cheap and may be wrong (a page is old when it is read); the turn asks the channel again. A channel is
    read to the horizon once in the life of a process, and later only back to where the last look began.
    """

    def __init__(self, bot: RunningBot, timing: Timing, nominate: Nominate, *, pace: EvenPace) -> None:
        self._bot = bot
        self._timing = timing
        self._nominate = nominate
        self._pace = pace
        self._begun = timing.now()
        self._seen_until: dict[ChannelRef, datetime] = {}
        self._joined: dict[ChannelRef, datetime] = {}
        self._replies_seen: OrderedDict[str, int] = OrderedDict()

    async def run(self, states: Sequence[ChannelState]) -> int:
        """Look through these channels. Returns how many messages were taken over."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(state: ChannelState) -> int:
            async with slots:
                return await self._channel(state)

        taken = sum(await asyncio.gather(*(look(state) for state in states)))
        if taken:
            _log.info("catch_up.found", bot=self._bot.name, messages=taken, channels=len(states))
        return taken

    async def old_threads(self) -> int:
        """Look through the threads of the bot's that grew below messages older than what was read of the channels.

        Returns how many messages were taken over. Only the service knows of them, so it is asked, at the start and
        after a reconnect. A thread in which the bot never had a part is not found.
        """
        since = self._timing.now() - self._bot.definition.catch_up.horizon
        try:
            await self._pace.keep()
            parents = await self._bot.service.threads(since=since)
            grown = [one for one in parents if one.channel in self._joined and self._has_grown(one)]
            talks = [(self._joined[parent.channel], await self._thread(parent, since)) for parent in grown]
        except ChatServiceError as error:  # the next look will find what this one did not
            _log.warning("catch_up.failed", bot=self._bot.name, threads=True, error=error.what)
            return 0
        open_ = [message for joined_at, talk in talks for message in self._unanswered(talk, joined_at)]
        taken = sum([await self._nominate(message) for message in sorted(open_, key=order)])
        if taken:
            _log.info("catch_up.found", bot=self._bot.name, messages=taken, threads=len(talks))
        return taken

    def forget(self, channel: ChannelRef) -> None:
        """The bot left this channel: read it to the horizon should it come back."""
        self._seen_until.pop(channel, None)
        self._joined.pop(channel, None)

    async def _channel(self, state: ChannelState) -> int:
        if state.joined_at is None or state.frozen:
            return 0
        joined_at = self._joined[state.channel] = self._there_since(state, state.joined_at)
        begun = self._timing.now()
        try:
            talks = await self._talks(state, self._since(state, joined_at))
        except ChatServiceError as error:  # the next look will find what this one did not
            _log.warning("catch_up.failed", bot=self._bot.name, channel=str(state.channel), error=error.what)
            return 0
        open_ = [message for talk in talks for message in self._unanswered(talk, joined_at)]
        taken = 0
        for message in sorted(open_, key=order):
            taken += await self._nominate(message)
        self._seen_until[state.channel] = state.messages[-1].created_at if state.messages else begun
        return taken

    def _there_since(self, state: ChannelState, joined_at: datetime) -> datetime:
        """Since when what is said there is said to the bot. A channel that it joins by itself, and that was created
        while it was at work, is its own from the first message on: how soon it finds the channel is its own affair.
        """
        is_awaited = self._bot.definition.channels.automatic and state.created_at >= self._begun
        return min(joined_at, state.created_at) if is_awaited else joined_at

    def _since(self, state: ChannelState, joined_at: datetime) -> datetime:
        """Return how far back there may be something to answer that was not looked at before."""
        now, rules = self._timing.now(), self._bot.at(state.channel).definition.catch_up
        since = max(now - rules.horizon, min(joined_at, now - rules.before_joining))
        seen = self._seen_until.get(state.channel)
        return since if seen is None else max(since, seen - _OVERLAP)

    async def _talks(self, state: ChannelState, since: datetime) -> list[list[Message]]:
        """The channel back to this time, and each of its threads where something was said."""
        service = self._bot.service

        async def page(oldest: str) -> Sequence[Message]:
            await self._pace.keep()
            return await service.recent(state.channel, limit=_PAGE, until=oldest)

        channel = await self._back(list(state.messages), since, page)
        # A reply that is shown in the channel as well is dealt with in its thread, where its answer stands.
        ids = {message.id for message in channel}
        channel = [message for message in channel if message.parent_id not in ids]
        grown = [message for message in channel if self._has_grown(message)]
        return [channel, *[await self._thread(parent, since) for parent in grown]]

    def _has_grown(self, parent: Message) -> bool:
        return bool(parent.reply_count) and self._replies_seen.get(parent.id) != parent.reply_count

    async def _thread(self, parent: Message, since: datetime) -> list[Message]:
        service = self._bot.service

        async def replies(oldest: str | None) -> Sequence[Message]:
            await self._pace.keep()
            page = await service.thread(parent.id, limit=_PAGE, until=oldest)
            return [message for message in page if message.id != parent.id]

        thread = await self._back(list(await replies(None)), since, replies)
        self._replies_seen[parent.id] = parent.reply_count
        if len(self._replies_seen) > _THREADS_REMEMBERED:
            self._replies_seen.popitem(last=False)
        return thread

    async def _back(
        self, messages: list[Message], since: datetime, page: Callable[[str], Awaitable[Sequence[Message]]]
    ) -> list[Message]:
        """These messages and those before them, back to this time, oldest first."""
        while messages and messages[0].created_at >= since:
            known = {message.id for message in messages}
            earlier = [message for message in await page(messages[0].id) if message.id not in known]
            if not earlier:
                break
            messages = [*earlier, *messages]
        return messages

    def _unanswered(self, talk: Sequence[Message], joined_at: datetime) -> list[Message]:
        """Those of a channel's or thread's messages that want an answer and have none, or half of one."""
        now, bot = self._timing.now(), self._bot
        definition = bot.at(talk[0].channel).definition if talk else bot.definition
        rules = definition.catch_up
        replies = answers_in(talk, bot.user_id, deleted=True)
        by_id = {message.id: ours for message in talk if (ours := own(message, bot.user_id)) is not None}
        found: list[Message] = []
        speakers_after: set[str] = set()
        for message in reversed(talk):
            person = not_answered(message, definition) is None
            reply = replies.get(message.id) or by_id.get(bot.ids.of(message.id).former_reply)
            if message.created_at >= joined_at:
                due = message.created_at >= now - rules.horizon
            else:
                due = message.created_at >= now - rules.before_joining and speakers_after <= {message.user.id}
            open_ = reply is None or (reply.is_unfinished and reply.reply_to in {"", message.id})
            wanted = may_fire(message, definition) or may_be_for_the_bot(message, definition)
            if person and due and open_ and wanted:
                found.append(message)
            if message.user.id != bot.user_id and message.kind in {"regular", "reply"}:
                speakers_after.add(message.user.id)
        return found
