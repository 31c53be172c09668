"""A bot at work in a channel of a sandbox in memory, in real time: what the command `chat` talks to."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.aio import background, cancel, in_daemon_thread, race
from framework.app.presented import conversations, present
from framework.app.running import Stores, make_running
from framework.app.teammate import add_teammates
from framework.approvals import ApprovalStore
from framework.budget.database import DatabaseUsageBook
from framework.engine.local import LocalEngine
from framework.runtime.core.bot import Limits
from framework.runtime.process import run_bots
from framework.runtime.state.feedback import MemoryFeedback
from framework.runtime.state.handover_book import MemoryHandovers
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from framework.stream.model import ChannelRef
from framework.stream.timing import Timing
from framework.testing.sandbox_app import SandboxApp, open_sandbox_app
from framework.testing.scenario import Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from framework.agent.build.channel_agents import ChannelAgents
    from framework.app.app_bot import AppBot
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings

LOOK = 0.02  # seconds between two looks whether the bot is through with a message
_OURS = ("message.new", "message.updated")


@dataclass(frozen=True)
class Heard:
    """What came of a message: the messages of others after it, and the turn's outcome, as in `silent: outside the
    hours`. `failed`: the turn was given up.
    """

    messages: Sequence[dict[str, Any]]
    outcome: str
    failed: bool = False


@dataclass
class LiveChannel:
    """A person's channel with the bot. `listen` is called with each version of what others write in it."""

    app: SandboxApp
    bot: RunningBot
    engine: LocalEngine
    user_id: str
    channel: ChannelRef
    team: Sequence[str]
    listen: Callable[[dict[str, Any]], None]
    _known: set[str] = field(default_factory=set)

    async def begin(self, channel: ChannelRef) -> None:
        """Go on in another channel, as if for the first time."""
        self.channel = channel
        await self.app.open_channel(
            channel, by=self.user_id, members=[self.user_id], custom=self.bot.definition.channels.where
        )
        await self.app.join(channel, self.bot.user_id)

    async def say(self, text: str) -> Heard:
        """Write a message, and wait until the bot is through with it. Raises FrameworkError if it is refused."""
        posted = await self.app.post(self.channel, self.user_id, text, {})
        key = self.bot.ids.of(posted).job
        while True:
            record = await self.engine.record(key)
            if record is not None and record.state in {"settled", "dead"}:
                break
            await asyncio.sleep(LOOK)
        _, messages = await self.app.read(self.channel)
        after = [one for one in messages if self._is_for_us(one) and one["id"] not in self._known]
        self._known |= {one["id"] for one in after}
        return Heard(after, record.outcome or record.error, failed=record.state == "dead")

    def _is_for_us(self, message: dict[str, Any]) -> bool:
        readers = message.get("restricted_visibility") or [self.user_id]
        return message["user"]["id"] != self.user_id and self.user_id in readers

    async def stop(self) -> None:
        """Press stop."""
        await self.app.event(self.channel, self.user_id, "ai_indicator.stop", {})

    async def follow(self) -> None:
        """Hand on what others write, until cancelled."""
        async for event in self.app.events(self.user_id):
            message = event.get("message") or {}
            author = (message.get("user") or {}).get("id")
            if event.get("type") in _OURS and event.get("cid") == str(self.channel) and author != self.user_id:
                self.listen(message)


@asynccontextmanager
async def live_channel(
    entry: AppBot,
    settings: Settings,
    *,
    user_id: str,
    channel: ChannelRef | None,
    listen: Callable[[dict[str, Any]], None],
) -> AsyncIterator[LiveChannel]:
    """The bot at work, and a channel with it, in a sandbox that lives as long as the block.

    Its pipeline is that of `run`: triggers, handovers, drafts, approvals and budgets hold. What is spent counts with
    what is spent elsewhere; all else is forgotten at the end. Raises as `App.serve` does.
    """
    timing, engine = Timing(), LocalEngine()
    agents = await in_daemon_thread(lambda: entry.build(settings))
    async with open_sandbox_app(None) as app:
        there = app.settings(settings)
        await app.add_people({user_id: Person(name=user_id.title())})
        teammates = await add_teammates([entry.bot], there)
        running, usage = _running(entry, there, agents, timing)
        stop, ready = asyncio.Event(), asyncio.Event()
        work = asyncio.create_task(
            run_bots([running], stop=stop, ready=ready.set, limits=Limits(), timing=timing, engine=engine)
        )
        try:
            await race(work, ready.wait())
            await present([entry.bot.definition], there)
            team = [f"{app.url}/?user={user.id}" for user in teammates]
            live = LiveChannel(app, running, engine, user_id, channel or new_channel(entry), team, listen)
            await agents.warm()
            await live.begin(live.channel)
            async with background(live.follow(), name="listening"):
                yield live
        finally:
            stop.set()
            with suppress(asyncio.CancelledError):
                await work
            await cancel(work)
            await agents.aclose()
            await usage.close()


def new_channel(entry: AppBot) -> ChannelRef:
    """A channel of the bot's that nobody has used."""
    channels = entry.bot.definition.channels
    pattern = next(iter(conversations(channels)), channels.join[0])
    return ChannelRef.parse(pattern.replace("*", secrets.token_hex(4)).replace("?", "x"))


def _running(
    entry: AppBot, settings: Settings, agents: ChannelAgents, timing: Timing
) -> tuple[RunningBot, DatabaseUsageBook]:
    agents.connect(settings)
    service = open_chat_service(settings, entry.bot.definition.identity, timing=timing)
    approvals = ApprovalStore(Storage.in_memory(), now=timing.now)
    usage = DatabaseUsageBook(settings.database.get_secret_value())
    stores = Stores(MemoryFeedback(), MemoryHandovers(), approvals, usage)
    return make_running(entry.bot, settings, service, agents, stores=stores, additions=entry.additions), usage
