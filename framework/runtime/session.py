"""The life of one bot in a process: its events, its channels, its turns."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from framework.engine.port import DeadLetter, Engine, Execution, Job, JobResult, Retry
from framework.errors import EngineError, FrameworkError
from framework.insight import genai, meters, traces, turn_texts
from framework.insight.turn_texts import KeptText
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.job import TurnRequest, result_of, turn_of
from framework.runtime.core.outcome import Failed, Outcome
from framework.runtime.core.trace import counted, line_of
from framework.runtime.core.turn import Origin, Turn
from framework.runtime.decide.bursts import quiet_of
from framework.runtime.decide.duplicates import APOLOGISED
from framework.runtime.intake.background import BackgroundTasks
from framework.runtime.intake.campaigns import EVERY, CampaignWork
from framework.runtime.intake.catch_up import CatchUp
from framework.runtime.intake.membership import Membership
from framework.runtime.intake.pace import EvenPace
from framework.runtime.intake.reconnect_buffer import ReconnectBuffer
from framework.runtime.intake.relay import Relay
from framework.runtime.intake.synthetic_triggers import LOOK, SyntheticTriggers
from framework.runtime.intake.timers import Timers
from framework.runtime.pipeline import Pipeline
from framework.runtime.promises.due import DuePromises
from framework.runtime.side_jobs import SIDE_JOB, SideJobs
from framework.stream.events import channel_of
from framework.stream.model import (
    AddedToChannel,
    ChannelRef,
    ChannelState,
    Connected,
    CustomEvent,
    Disconnected,
    Event,
    MemberAdded,
    Message,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    OwnReply,
    ReactionGone,
    ReactionNew,
    RemovedFromChannel,
    StopRequested,
    UserDeleted,
)
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
_FORGOTTEN_EVERY = 15.0
"""Seconds between two looks for handovers for which nobody came."""
REPLICA = f"{socket.gethostname()}:{os.getpid()}"
"""This process, for people who look at what replicas did."""

OnRetired = Callable[[], Awaitable[None]]
"""Closes what a bot held, once no turn needs it any more."""


class _Version:
    """The bot's files as they were once, and how many turns still follow them."""

    def __init__(self) -> None:
        self.turns = 0
        self.on_retired: OnRetired | None = None


class Session:
    """Runs one bot. `ready` is set once its channels are read and what it missed is in hand.

    With `connected` it watches its channels on a connection of its own; without, events come by `take` alone.
    """

    def __init__(
        self,
        bot: RunningBot,
        engine: Engine,
        limits: Limits,
        timing: Timing,
        *,
        connected: bool = True,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._on_event = on_event
        self.bot = bot
        self.ready = asyncio.Event()
        self._engine = engine
        self._limits = limits
        self._timing = timing
        self._connected = connected
        self._version = _Version()
        self._pipeline = Pipeline(bot, limits, timing, engine.enqueue)
        self._relay = Relay(bot, self._pipeline.live, engine.broadcast)
        self._side_jobs = SideJobs(bot, engine, self._pipeline.reviews, self._pipeline.handover, limits, timing)
        self._background = BackgroundTasks(bot.name, timing)
        self._campaigns = CampaignWork(bot, timing)
        self._reconnecting = ReconnectBuffer()
        self._up: tuple[bool, datetime, str] = (not connected, timing.now(), "it did not connect yet")
        self._heard_at: float | None = None
        pace = EvenPace(limits.catch_up_reads, timing)
        catch_up = CatchUp(bot, timing, self._catch_up_with, pace=pace)
        self._synthetic = SyntheticTriggers(bot, engine, timing, lambda: self._membership.known)
        self._promises = DuePromises(bot, engine, timing, lambda: self._membership.known)
        before = self._side_jobs.look_at_handovers
        self._membership = Membership(
            bot, catch_up, limits, timing, pace=pace, watching=connected, tell=self._read, before=before
        )

    @property
    def connection(self) -> Mapping[str, Any]:
        """Whether events come (`up`), `since` when (ISO 8601), and `why` not."""
        up, since, why = self._up
        return {"up": up, "since": since.isoformat(timespec="seconds"), "why": "" if up else why}

    @property
    def quiet_seconds(self) -> float | None:
        """Seconds since any event came; None before the first one."""
        return None if self._heard_at is None else self._timing.monotonic() - self._heard_at

    async def run(self) -> None:
        """Take events in until cancelled. Raises what ended it: it never ends by itself without an error."""
        failure = self._background.failure
        intake = asyncio.create_task(
            self._listen() if self._connected else self._arrive(), name=f"intake {self.bot.name}"
        )
        try:
            await asyncio.wait({intake, failure}, return_when=asyncio.FIRST_COMPLETED)
            if not failure.done():
                intake.result()
                await asyncio.wait({failure})  # without a connection nothing else ends it
            failure.result()
        finally:
            intake.cancel()
            await asyncio.wait({intake})
            await self._background.close()

    def schedule(self, timers: Timers) -> None:
        """Have this bot's periodic work done."""
        name, ready, background = self.bot.name, self.ready.is_set, self._background
        look_around = background.periodically(ready, self._membership.discover)
        reconcile = background.periodically(ready, self._membership.reconcile)
        timers.every(self._limits.discovery, look_around, name=f"{name} discovery")
        timers.every(self._limits.reconciliation, reconcile, name=f"{name} reconciliation")
        timers.every(EVERY, background.periodically(ready, self._campaigns.look), name=f"{name} campaigns")
        forgotten = background.periodically(ready, self._side_jobs.look_for_forgotten)
        timers.every(_FORGOTTEN_EVERY, forgotten, name=f"{name} handovers")
        timers.every(LOOK, background.periodically(ready, self._synthetic.look), name=f"{name} schedules")
        timers.every(LOOK, background.periodically(ready, self._promises.look), name=f"{name} promises")

    async def handle(self, job: Job, execution: Execution) -> JobResult:
        """Execute a turn of this bot, which follows the files as they are now, to its end."""
        version = self._version
        version.turns += 1
        try:
            return await self._handle(job, execution)
        finally:
            version.turns -= 1
            self._let_go(version)

    async def take(self, event: Event, *, ordered: bool = True) -> None:
        """Take in one event that concerns the bot's user: the one inbox, whatever way it came.

        Events of other channels may come too. What is to be answered is kept when this returns; raises EngineError if
        it could not be. Without `ordered` a message sent before may still be on its way.
        """
        self._heard_at = self._timing.monotonic()
        match event:
            case MessageNew(message):
                await self._hear(message, ordered=ordered)
            case MessageUpdated() | MessageDeleted() | StopRequested():
                await self._interrupt(event, ordered=ordered)
            case ReactionNew() | ReactionGone() | MemberAdded() | CustomEvent():
                if self._membership.standing(event.channel) == "own":
                    await self._happened(event)
            case AddedToChannel() | RemovedFromChannel():
                self._move(event)
            case UserDeleted(user_id):
                self._erase(user_id)
            case Connected() | Disconnected():
                self._connection(event)

    def overhear(self, note: Mapping[str, Any]) -> None:
        """Another replica tells what people did there."""
        self._background.spawn(self._relay.hear(note), name="relay")

    def renew(self, newer: RunningBot, on_retired: OnRetired) -> None:
        """Be what `newer` is, from the next turn on. `on_retired` is called once the last turn of before has ended."""
        before, self._version = self._version, _Version()
        before.on_retired = on_retired
        self.bot.become(newer)
        self._let_go(before)
        if self.ready.is_set():
            self._background.spawn(self._background.persist(self._membership.redefine), name="redefine")

    def retire(self, on_retired: OnRetired) -> None:
        """End once the turns that wait and run have ended; another session took over. The code that runs it
        ends its intake.
        """
        self._version.on_retired = on_retired
        self._let_go(self._version)

    async def _handle(self, job: Job, execution: Execution) -> JobResult:
        """A turn whose process died again and again is given up, so that others survive."""
        if job.payload.get(SIDE_JOB):
            return await self._side_jobs.run(job, execution)
        turn = turn_of(job, self.bot, execution)
        with traces.turn(turn.bot, job.payload.get("traceparent", ""), partial(self._about, turn, execution)) as span:
            come_to, outcome = await self._run_to_end(turn, execution)
            span.set("framework.outcome", counted(turn, outcome, now=self._timing.now()).outcome)
            if isinstance(outcome, Failed):
                span.fail("failed")
        return come_to

    def _about(self, turn: Turn, execution: Execution) -> Mapping[str, traces.Value]:
        """What a trace tells of a turn: nobody can tell from it who wrote where."""
        key = self.bot.service.id_key
        return {
            genai.PERSON: key.id_of("telemetry", turn.trigger.user.id)[:16],
            genai.CONVERSATION: key.id_of("telemetry", str(turn.channel))[:16],
            "framework.cause": turn.cause.kind or "message",
            "framework.attempt": execution.attempt,
            "framework.replica": REPLICA,
        }

    async def _run_to_end(self, turn: Turn, execution: Execution) -> tuple[JobResult, Outcome]:
        if execution.crashes >= self._limits.crashes:
            poison = FrameworkError(f"The process ended {execution.crashes} times in the middle of this turn.")
            outcome = await self._pipeline.give_up(turn, poison)
        else:
            outcome = await self._run(turn)
        if isinstance(outcome, Failed) and outcome.told:
            await execution.save(APOLOGISED, True)
        come_to = result_of(outcome, turn, execution, self._limits, self._timing)
        match come_to:
            case Retry(seconds):
                _log.warning("turn.postponed", bot=turn.bot, reply=turn.reply_id, seconds=round(seconds, 1))
            case DeadLetter(error):
                again = f"turns retry {turn.ids.job}"
                _log.error("turn.dead", bot=turn.bot, reply=turn.reply_id, error=error, retry=again)
        if not isinstance(come_to, Retry):
            await self._note(turn, outcome)
        return come_to, outcome

    async def _run(self, turn: Turn) -> Outcome:
        """Run the turn; its words are kept if that is asked for."""
        texts = self.bot.texts
        if texts is None:
            return await self._pipeline.run(turn)
        noting = turn_texts.begin()
        try:
            outcome = await self._pipeline.run(turn)
        finally:
            words = turn_texts.end(noting)
        if words is not None and words.people is not None:
            answer = turn.trace.answer.text if turn.trace.answer else ""
            kept = KeptText(
                turn.ids.job, str(turn.channel), self._timing.now(), tuple(words.prompt), tuple(words.passages), answer
            )
            try:
                await texts.add(kept, words.people)
            except EngineError as error:
                _log.warning("texts.not_kept", bot=self.bot.name, error=error.what)
        return outcome

    async def _note(self, turn: Turn, outcome: Outcome) -> None:
        """Count a turn that was decided, and keep its line before the engine settles it."""
        now = self._timing.now()
        meters.turn_decided(counted(turn, outcome, now=now))
        if self.bot.history is not None:
            await self.bot.history.add(line_of(turn, outcome, now=now, replica=REPLICA))

    def _let_go(self, version: _Version) -> None:
        if version.on_retired is not None and not version.turns:
            on_retired, version.on_retired = version.on_retired, None

            async def part() -> None:
                await on_retired()

            self._background.spawn(part(), name="on_retired")

    def _connection(self, event: Connected | Disconnected) -> None:
        if isinstance(event, Disconnected):
            _log.warning("connection.lost", bot=self.bot.name, reason=event.reason)
            self._up = (False, self._timing.now(), event.reason)
            return
        _log.info("connection.up", bot=self.bot.name, again=event.again)
        meters.connected(self.bot.name, again=event.again)
        self._up = (True, self._timing.now(), "")
        self._background.spawn(self._arrive(self._reconnecting.begin()), name="arrive")

    def _erase(self, user_id: str) -> None:
        async def work() -> None:
            try:
                if self.bot.erase is not None:
                    await self.bot.erase(user_id)
            except FrameworkError as error:
                _log.error("person.not_erased", bot=self.bot.name, error=str(error), retry="erase USER")

        self._background.spawn(work(), name="erase")

    async def _listen(self) -> None:
        async for event in self.bot.service.events(echoes=False):
            if isinstance(event, OwnReply):
                self._engine.answered(self.bot.ids.of(event.question).job)
                continue
            if self._on_event is not None:
                self._on_event(event)
            try:
                await self.take(event)
            except EngineError as error:
                self._miss(event, error)
        raise FrameworkError(f"{self.bot.name}: the chat service's events ended.", hint="Start the bot again.")

    async def _hear(self, message: Message, *, ordered: bool) -> None:
        standing = self._membership.standing(message.channel)
        if message.user.id == self.bot.user_id or standing == "foreign":
            return
        if ordered and self._reconnecting.holds(message):
            return
        if standing == "unknown":
            self._background.spawn(
                self._background.persist(lambda: self._membership.consider(message.channel)), name="consider"
            )
            return
        self._pipeline.live.written(message)
        self._synthetic.heard(message)
        quiet = quiet_of(self.bot.at(message.channel).definition)
        delay = max(quiet, 0.0 if ordered else self._limits.webhook_delay)
        # A connection tells every process, a webhook this one.
        await self._accept(message, "live", delay=delay, heard_everywhere=ordered)
        if not ordered:
            await self._relay.pass_on(MessageNew(message), acted=False)
        if not self._membership.is_entered(message.channel) and self.ready.is_set():
            self._enter(message.channel)

    async def _interrupt(self, event: MessageUpdated | MessageDeleted | StopRequested, *, ordered: bool) -> None:
        acted, channel = self._pipeline.live.hear(event), channel_of(event)
        if not ordered and channel is not None and self._membership.covers(channel):
            await self._relay.pass_on(event, acted=acted)  # a connection tells every process, a webhook this one

    async def _happened(self, event: ReactionNew | ReactionGone | MemberAdded | CustomEvent) -> None:
        if isinstance(event, ReactionNew | ReactionGone):
            await self._side_jobs.take(event)
        if isinstance(event, CustomEvent):
            await self._promises.take(event)
        if not isinstance(event, ReactionGone):
            await self._synthetic.take(event)

    async def _read(self, states: Sequence[ChannelState]) -> None:
        await self._synthetic.read(states)
        await self._side_jobs.look(states)
        await self._hear_late(self._reconnecting.read(state.channel for state in states))

    async def _hear_late(self, messages: Sequence[Message]) -> None:
        """What came while those before it were still looked for."""
        for message in messages:
            try:
                await self._hear(message, ordered=True)
            except EngineError as error:
                self._miss(MessageNew(message), error)

    def _miss(self, event: Event, error: EngineError) -> None:
        """An event could not be kept. A message must not be overtaken by those after it: the channels are read back
        before these are heard, as on a new connection.
        """
        _log.error("event.not_kept", bot=self.bot.name, event_kind=type(event).__name__, error=error.what)
        if isinstance(event, MessageNew) and self.ready.is_set():
            self._background.spawn(self._arrive(self._reconnecting.begin()), name="read back")

    def _enter(self, channel: ChannelRef) -> None:
        self._background.spawn(self._background.persist(lambda: self._membership.add(channel)), name="join")

    def _move(self, event: AddedToChannel | RemovedFromChannel) -> None:
        """The bot became a member, or left. It counts at once: the next event may be a message."""
        channel = event.channel
        if isinstance(event, AddedToChannel):
            self._membership.invite(channel)
            self._enter(channel)
        elif not event.user_id:
            self._membership.gone(channel)
        elif self._membership.leave(channel):
            self._background.spawn(self._background.persist(lambda: self._membership.remember(channel)), name="leave")

    async def _arrive(self, number: int = 0) -> None:
        """A connection is up, or there will be none, or something was missed on it: join, and catch up with that."""
        await self._background.persist(self._membership.rewatch if self.ready.is_set() else self._membership.enter)
        await self._hear_late(self._reconnecting.end(number))
        self.ready.set()
        await self._background.persist(self._synthetic.look)
        await self._background.persist(self._promises.look)

    async def _catch_up_with(self, message: Message) -> bool:
        age = max(0.0, (self._timing.now() - message.created_at).total_seconds())
        quiet = quiet_of(self.bot.at(message.channel).definition)
        return await self._accept(message, "catch_up", delay=max(0.0, quiet - age))

    async def _accept(
        self, message: Message, origin: Origin, *, delay: float = 0.0, heard_everywhere: bool = False
    ) -> bool:
        request = TurnRequest(self.bot, message, origin)
        now = self._timing.now()
        return await request.accept(self._engine, now=now, delay=delay, heard_everywhere=heard_everywhere)
