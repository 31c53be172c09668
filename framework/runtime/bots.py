"""The bots of a process: who gets an event, who executes a job, who takes over when a bot's files were edited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from framework.engine.port import Engine, Execution, Job, JobResult, Retry
from framework.errors import EngineError
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.job import VERSION
from framework.runtime.facts import ProcessFacts
from framework.runtime.intake.timers import Timers
from framework.runtime.session import OnRetired, Session
from framework.stream.events import concerns
from framework.stream.model import Event
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
_NOT_HERE, _LONGEST = 0.05, 5.0


def _leave(execution: Execution, why: str) -> Retry:
    """Leave a job to other processes: at once at first, ever more rarely if none of them takes it."""
    return Retry(min(_NOT_HERE * 2.0 ** min(execution.attempt - 1, 10), _LONGEST), why)


@dataclass(frozen=True)
class Renewal:
    """A bot's files were edited, and this is what came of it. `on_retired` closes what the bot was before.

    With the same service the running bot is updated in place. With another service (it speaks as another user now) a
    second session starts, and the old one ends when its turns are done.
    """

    bot: RunningBot
    on_retired: OnRetired


class Bots:
    """The sessions of a process. `ended` is set to the task of the first one that ends."""

    def __init__(
        self,
        engine: Engine,
        limits: Limits,
        timing: Timing,
        timers: Timers,
        *,
        connected: bool = True,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._on_event = on_event
        self._engine = engine
        self._limits = limits
        self._timing = timing
        self._timers = timers
        self._connected = connected
        self._sessions: dict[str, Session] = {}
        self._retired: dict[tuple[str, str], Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending = False
        self._facts = ProcessFacts(engine, timing)
        self.ended: asyncio.Future[asyncio.Task[None]] = asyncio.get_running_loop().create_future()

    @property
    def bots(self) -> Sequence[RunningBot]:
        """Those at work."""
        return [session.bot for session in self._sessions.values()]

    @property
    def is_ready(self) -> bool:
        """Whether every bot is, and none is about to stop."""
        return not self._ending and all(session.ready.is_set() for session in self._sessions.values())

    async def facts(self) -> Mapping[str, Any]:
        """How this process does, for a probe: JSON values. Raises EngineError if the database is away."""
        return await self._facts.of(self._sessions.values())

    def add(self, bot: RunningBot) -> Session:
        """A bot that is to run, once `start` is called, or now where it was."""
        session = Session(
            bot, self._engine, self._limits, self._timing, connected=self._connected, on_event=self._on_event
        )
        self._sessions[bot.name] = session
        return session

    async def serve(self, *, hears: bool) -> None:
        """Have the engine execute the turns of these bots, and no others. `hears`: their events come."""
        sessions = (*self._sessions.values(), *self._retired.values())
        await self._engine.start(
            self.handle, scopes={session.bot.scope for session in sessions}, on_broadcast=self.on_broadcast, hears=hears
        )

    def on_broadcast(self, scope: str, note: Mapping[str, Any]) -> None:
        """Another replica tells what people did there, in case that a turn which it concerns is at work here."""
        for session in (*self._sessions.values(), *self._retired.values()):
            if session.bot.scope == scope:
                session.overhear(note)

    def start(self) -> None:
        """Let the bots take events in."""
        for session in self._sessions.values():
            self._run(session)

    async def ready(self) -> None:
        """Return once every bot is ready."""
        for session in list(self._sessions.values()):
            await session.ready.wait()

    async def handle(self, job: Job, execution: Execution) -> JobResult:
        """Have the right bot execute its turn. Another one's that speaks as the same user is left to where it runs."""
        if job.version > VERSION:
            return _leave(execution, "a newer version of the program wrote it, and can read it")
        name, user = job.payload["bot"], job.payload.get("bot_user_id", "")
        session = self._sessions.get(name)
        if session is None:
            return _leave(execution, f"{name} does not run here")
        if session.bot.user_id != user:
            session = self._retired.get((name, user), session)
        return await session.handle(job, execution)

    async def take(self, event: Event) -> None:
        """An event that came by a way which keeps no order: for every bot that it concerns. Raises EngineError."""
        if self._on_event is not None:
            self._on_event(event)
        failed: EngineError | None = None
        concerned = [one for one in self._sessions.values() if concerns(event, one.bot.user_id)]
        for session in concerned:
            try:
                await session.take(event, ordered=False)
            except EngineError as error:
                failed = error
        if failed is not None:
            raise failed

    async def renew(self, renewal: Renewal) -> None:
        """Go on with a bot as its files say now. Raises ChatServiceError if it cannot speak as whom they name."""
        newer = renewal.bot
        before = self._sessions[newer.name]
        if newer.service is before.bot.service:
            before.renew(newer, renewal.on_retired)
            _log.info("bot.renewed", bot=newer.name)
            return
        await newer.service.open()
        self._retired[(newer.name, before.bot.user_id)] = before
        ended = self._tasks.pop(newer.name)
        after = self.add(newer)
        await self.serve(hears=True)
        self._run(after)
        await after.ready.wait()
        ended.cancel()
        await asyncio.wait({ended})
        before.retire(renewal.on_retired)
        _log.info("bot.renewed", bot=newer.name, user_id=newer.user_id)

    def end(self) -> None:
        """Note that the process is about to stop: probes hear that no bot is ready any more."""
        self._ending = True

    async def stop(self) -> None:
        """Take no event in any more."""
        self._ending = True
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _run(self, session: Session) -> None:
        session.schedule(self._timers)
        task = asyncio.create_task(session.run(), name=f"bot {session.bot.name}")
        self._tasks[session.bot.name] = task
        task.add_done_callback(self._look)

    def _look(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not self.ended.done():
            self.ended.set_result(task)
