"""A bot at work in a world of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from framework.definition.model import BotDefinition
from framework.engine.local import LocalEngine
from framework.engine.port import Engine
from framework.runtime.bots import Renewal
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.stream.model import Event, Message, User
from framework.stream.sources.delivery import Facts, Inbox
from framework.stream.timing import Timing
from framework.testing.timers import LoopTimers
from tests.support.agent import ScriptedAgent
from tests.support.chat import TwinService, World

BOT = User("agent-bot", "Support Bot", is_bot=True)
CID = "messaging:support-1"


def unhurried(definition: dict[str, Any]) -> BotDefinition:
    """A definition. Many tests have one person write a lot in no time: the limits of that have tests of their own."""
    budget = {"user_minute": None, "user_at_once": None, **definition.get("budget", {})}
    return BotDefinition.model_validate({"channels": ["messaging:support-*"], **definition, "budget": budget})


class Running:
    """`async with Running(world, agent)`: the bot runs inside the block, and is stopped at its end."""

    def __init__(
        self,
        world: World,
        agent: ScriptedAgent,
        *,
        timing: Timing,
        limits: Limits | None = None,
        definition: dict[str, Any] | None = None,
        name: str = "support_bot",
        engine: Engine | None = None,
        connected: bool = True,
    ) -> None:
        self.world = world
        self.agent = agent
        self.timing = timing
        self.definition = unhurried(definition or {})
        identity = self.definition.identity
        self.service = TwinService(world, User(identity.user_id, identity.name, is_bot=True))
        self.bot = RunningBot(
            name,
            self.definition,
            self.service,
            agent,
            handovers=world.handovers,
            approvals=world.approvals,
            promises=world.promises,
        )
        self.limits = limits or Limits()
        self.engine = engine or LocalEngine(concurrency=self.limits.concurrent_turns, now=timing.now)
        self.connected = connected
        self.edits: asyncio.Queue[Renewal] = asyncio.Queue()
        self.inbox: Inbox | None = None
        self.facts: Facts | None = None
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        await self.until_ready()
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        self.stop.set()
        assert self.task is not None
        if kind is None:
            await self.task
        else:
            await asyncio.wait({self.task})

    def start(self) -> asyncio.Task[None]:
        self.task = asyncio.create_task(
            run_bots(
                [self.bot],
                stop=self.stop,
                ready=self.ready.set,
                limits=self.limits,
                timing=self.timing,
                engine=self.engine,
                timers=LoopTimers(),
                connected=self.connected,
                push_sources=[self._source],
                renewals=self._renewals(),
            )
        )
        return self.task

    @asynccontextmanager
    async def _source(self, *, inbox: Inbox, ready: Callable[[], bool], facts: Facts) -> AsyncIterator[None]:
        self.inbox, self.facts = inbox, facts
        yield
        assert not ready()
        self.inbox = None

    async def _renewals(self) -> AsyncIterator[Renewal]:
        while True:
            yield await self.edits.get()

    async def deliver(self, event: Event) -> None:
        """What a webhook brings. Raises EngineError where it must be brought again."""
        assert self.inbox is not None
        await self.inbox(event)

    def edit(self, agent: ScriptedAgent, definition: dict[str, Any]) -> asyncio.Event:
        """The bot's files were edited. Returns what is set once nothing needs the bot as it was."""
        read = unhurried(definition)
        service = self.service
        if read.identity != self.bot.definition.identity:
            service = TwinService(self.world, User(read.identity.user_id, read.identity.name, is_bot=True))
        gone = asyncio.Event()

        async def on_retired() -> None:
            gone.set()

        self.edits.put_nowait(Renewal(RunningBot(self.bot.name, read, service, agent), on_retired))
        return gone

    async def until_ready(self) -> None:
        assert self.task is not None
        waiter = asyncio.create_task(self.ready.wait())
        await asyncio.wait({self.task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if self.task.done():
            self.task.result()

    async def kill(self) -> None:
        """Die without a word: no drain, no on_retired."""
        assert self.task is not None
        self.service.vanish()
        self.task.cancel()
        await asyncio.wait({self.task})

    def reply_to(self, message: Message) -> Message | None:
        """The bot's reply as the channel holds it."""
        room = self.world.rooms[message.channel]
        return room.messages.get(self.bot.ids.of(message.id).reply[0])

    def replied(self, message: Message) -> Message:
        reply = self.reply_to(message)
        assert reply is not None
        return reply
