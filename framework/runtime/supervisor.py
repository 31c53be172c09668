"""Several bots in one process: start, watch over, stop within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from framework.engine.local import LocalEngine
from framework.engine.port import Engine, Execution, Job, Verdict
from framework.errors import ChatServiceError, FrameworkError, UsageError
from framework.runtime.bot import Limits, RunningBot
from framework.runtime.session import Session
from framework.runtime.timers import SchedulerTimers, Timers
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
_CLOSING_SHARE = 0.2  # of the time for stopping; the rest is for turns in flight


async def run_bots(
    bots: Sequence[RunningBot],
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] | None = None,
    limits: Limits | None = None,
    timing: Timing | None = None,
    engine: Engine | None = None,
    timers: Timers | None = None,
) -> None:
    """Run until `stop` is set; `ready` is called once, when every bot is. Returns after a clean end.

    On stop no event is taken in any more, turns in flight have `Limits.shutdown` seconds to end, and what is left stays
    recoverable from the channels. Raises FrameworkError when a bot cannot start or goes on no longer.
    """
    _refuse_twins(bots)
    limits = limits or Limits()
    timing = timing or Timing()
    engine = engine or LocalEngine(concurrency=limits.concurrent_turns)
    timers = timers or SchedulerTimers()
    try:
        opened = await asyncio.gather(*(bot.service.open() for bot in bots), return_exceptions=True)
        for error in opened:
            if error is not None:
                raise error
        sessions = {bot.name: Session(bot, engine, limits, timing) for bot in bots}

        async def handle(job: Job, execution: Execution) -> Verdict:
            return await sessions[job.payload["bot"]].handle(job, execution)

        await engine.start(handle)
        await _watch_over(list(sessions.values()), engine, timers, stop, ready, limits)
    finally:
        await _close(bots, limits.shutdown * _CLOSING_SHARE)


async def _watch_over(
    sessions: list[Session],
    engine: Engine,
    timers: Timers,
    stop: asyncio.Event,
    ready: Callable[[], None] | None,
    limits: Limits,
) -> None:
    """Run the sessions until the stop or the first failure; then drain."""
    tasks = {asyncio.create_task(session.run(), name=f"bot {session.bot.name}") for session in sessions}
    stopping = asyncio.create_task(stop.wait())
    announcing = asyncio.create_task(_announce(sessions, ready))
    try:
        for session in sessions:
            session.schedule(timers)
        timers.start()
        await asyncio.wait({stopping, announcing, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if announcing.done() and announcing.exception() is None:
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timers.stop()
        stopping.cancel()
        announcing.cancel()
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.wait({*tasks, announcing})
        left = await engine.drain(limits.shutdown * (1 - _CLOSING_SHARE))
        _log.info("run.stopped", unfinished=len(left))
    _raise_first_failure([*ended, announcing])


async def _announce(sessions: Sequence[Session], ready: Callable[[], None] | None) -> None:
    for session in sessions:
        await session.ready.wait()
    _log.info("run.ready", bots=[session.bot.name for session in sessions])
    if ready is not None:
        ready()


def _raise_first_failure(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.cancelled() or (error := task.exception()) is None:
            continue
        if isinstance(error, FrameworkError):
            raise error
        _log.error("run.failed", task=task.get_name(), exc_info=error)
        raise FrameworkError(
            f"The run ended by an error inside it: {type(error).__name__}: {error}",
            hint="The log above has the details.",
        ) from error


async def _close(bots: Sequence[RunningBot], seconds: float) -> None:
    """Close every connection, in reverse order; a service that hangs or fails must not keep the others open."""
    for bot in reversed(bots):
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds / len(bots)):
                    await bot.service.close()
        except ChatServiceError as error:
            _log.warning("service.close_failed", bot=bot.name, error=error.what)


def _refuse_twins(bots: Sequence[RunningBot]) -> None:
    twins = [name for name, times in Counter(bot.name for bot in bots).items() if times > 1]
    if twins:
        raise UsageError(f"Two bots are called {twins[0]}.", hint="Rename the folder of one of them.")
