"""The life of one bot in a process: its events, its channels, its turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from framework.engine.port import Again, Dead, Engine, Execution, Job, Verdict
from framework.errors import ChatServiceError, EngineError, FrameworkError
from framework.runtime.answered import APOLOGISED
from framework.runtime.bot import Limits, RunningBot
from framework.runtime.catch_up import CatchUp
from framework.runtime.channels import Membership
from framework.runtime.job import from_job, new_turn, to_job
from framework.runtime.pipeline import Pipeline
from framework.runtime.timers import Timers
from framework.runtime.turn import Failed, Origin
from framework.runtime.verdict import verdict
from framework.stream.model import (
    AddedToChannel,
    Connected,
    Disconnected,
    Event,
    Message,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    RemovedFromChannel,
    StopRequested,
)
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)


class Session:
    """Runs one bot. `ready` is set once its channels are watched and what it missed is in hand."""

    def __init__(self, bot: RunningBot, engine: Engine, limits: Limits, timing: Timing) -> None:
        self.bot = bot
        self.ready = asyncio.Event()
        self.channels = 0
        self._engine = engine
        self._limits = limits
        self._timing = timing
        self._pipeline = Pipeline(bot, limits, timing)
        catch_up = CatchUp(bot, timing, self._catch_up_with)
        self._membership = Membership(bot, catch_up, limits, timing)
        self._chores: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Take events in until cancelled. Raises what ended it: it never ends by itself without an error."""
        intake = asyncio.create_task(self._take_in(), name=f"intake {self.bot.name}")
        try:
            await asyncio.wait({intake, self._failure}, return_when=asyncio.FIRST_COMPLETED)
            (self._failure if self._failure.done() else intake).result()
            raise FrameworkError(f"{self.bot.name}: the chat service's events ended.", hint="Start the bot again.")
        finally:
            tasks = {intake, *self._chores}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._failure.cancel()

    def schedule(self, timers: Timers) -> None:
        """Have this bot's periodic work done."""
        name = self.bot.name
        timers.every(self._limits.discovery, self._periodically(self._look_around), name=f"{name} discovery")
        timers.every(self._limits.reconciliation, self._periodically(self._reconcile), name=f"{name} reconciliation")

    async def handle(self, job: Job, execution: Execution) -> Verdict:
        """Execute a turn of this bot. A turn whose process died again and again is given up, so that others survive."""
        turn = from_job(job, self.bot, execution)
        if execution.crashes >= self._limits.crashes:
            poison = FrameworkError(f"The process ended {execution.crashes} times in the middle of this turn.")
            outcome = await self._pipeline.give_up(turn, poison)
        else:
            outcome = await self._pipeline.run(turn)
        if isinstance(outcome, Failed) and outcome.told:
            await execution.save(APOLOGISED, True)
        come_to = verdict(outcome, turn, execution, self._limits, self._timing)
        match come_to:
            case Again(seconds):
                _log.warning("turn.postponed", bot=turn.bot, reply=turn.reply_id, seconds=round(seconds, 1))
            case Dead(error):
                _log.error("turn.dead", bot=turn.bot, reply=turn.reply_id, error=error, retry=f"turns retry {job.key}")
        return come_to

    async def _take_in(self) -> None:
        async for event in self.bot.service.events():
            try:
                await self.take(event)
            except EngineError as error:  # reconciliation finds the message again
                _log.error("event.not_kept", bot=self.bot.name, event_kind=type(event).__name__, error=error.what)

    async def take(self, event: Event) -> None:
        """Take one event in. It is kept when this returns; raises EngineError where it could not be."""
        live = self._pipeline.live
        match event:
            case MessageNew(message):
                if message.user.id != self.bot.user_id and self._membership.covers(message.channel):
                    await self._accept(message, "live")
            case MessageUpdated(message):
                live.edited(message)
            case MessageDeleted(message_id=message_id):
                live.deleted(message_id)
            case StopRequested(channel, user_id, message_id):
                live.stop(channel, user_id, message_id)
            case AddedToChannel(channel):
                self._spawn(self._persist(lambda: self._membership.add(channel)), name="join")
            case RemovedFromChannel(channel):
                self._membership.forget(channel)
            case Connected(again):
                self._spawn(self._arrive(again=again), name="arrive")
            case Disconnected(reason):
                _log.warning("connection.lost", bot=self.bot.name, reason=reason)

    async def _arrive(self, *, again: bool) -> None:
        """A connection is up: watch, and catch up with what was missed without one."""
        _log.info("connection.up", bot=self.bot.name, again=again)
        await self._persist(self._membership.rewatch if self.ready.is_set() else self._membership.enter)
        self.ready.set()

    async def _look_around(self) -> None:
        await self._membership.discover()

    async def _reconcile(self) -> None:
        await self._membership.reconcile()

    async def _catch_up_with(self, message: Message) -> bool:
        return await self._accept(message, "catch_up")

    async def _accept(self, message: Message, origin: Origin) -> bool:
        return await self._engine.accept(to_job(new_turn(self.bot, message, now=self._timing.now(), origin=origin)))

    async def _persist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do it, again and again while the service cannot be reached. Raises what a repetition would not mend."""
        wait = 0.5
        while True:
            try:
                return await action()
            except ChatServiceError as error:
                if not error.retryable:
                    raise
                _log.warning("service.unreachable", bot=self.bot.name, error=error.what, again_in=round(wait, 1))
            await self._timing.sleep(wait * self._timing.uniform(0.8, 1.2))
            wait = min(wait * 2, 30.0)

    def _periodically(self, action: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """For a timer: not before the bot is ready; a service that cannot be reached is for the next time."""

        async def tick() -> None:
            if not self.ready.is_set():
                return
            try:
                await action()
            except ChatServiceError as error:
                _log.warning("service.unreachable", bot=self.bot.name, error=error.what)
            except Exception as error:  # noqa: BLE001 - no periodic work may die unseen: it ends the run
                self._fail(error)

        return tick

    def _spawn(self, work: Coroutine[None, None, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=f"{name} {self.bot.name}")
        self._chores.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)
