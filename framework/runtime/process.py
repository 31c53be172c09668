"""Several bots in one process: start, watch over, stop within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

import structlog

from framework.engine.local import LocalEngine
from framework.engine.port import Engine
from framework.errors import ChatServiceError, EngineError, FrameworkError, UsageError
from framework.runtime.backlog import Backlog
from framework.runtime.bots import Bots, Renewal
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.intake.timers import SchedulerTimers, Timers
from framework.stream.model import Event
from framework.stream.sources.delivery import Facts, Inbox
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
_CLOSING_SHARE = 0.2  # of the time for stopping; the rest is for turns in flight
_LONGEST_CLOSING = 1.0
_SERVE_AGAIN = 1.0
_NEW_OBJECTS = 50_000  # between two looks for garbage among them; Python looks after 700


class PushSource(Protocol):
    """A way by which events of the whole app come in, in any order: open as long as the block runs."""

    def __call__(self, *, inbox: Inbox, ready: Callable[[], bool], facts: Facts) -> AbstractAsyncContextManager[object]:
        """Hand each event to `inbox`, which raises EngineError if it could not be kept: then deliver it again.

        `facts` are for probes that ask how the process does.
        """


class PullSource(Protocol):
    """The same for something that is read, and not listened at: until cancelled, or until there is nothing to read."""

    async def __call__(self, *, inbox: Inbox) -> None:
        """Hand each event to `inbox`, as a source does. What it raises ends the run."""


async def run_bots(
    bots: Sequence[RunningBot],
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] | None = None,
    limits: Limits | None = None,
    timing: Timing | None = None,
    engine: Engine | None = None,
    timers: Timers | None = None,
    push_sources: Sequence[PushSource] = (),
    pull_sources: Sequence[PullSource] = (),
    connected: bool = True,
    on_event: Callable[[Event], None] | None = None,
    renewals: AsyncIterator[Renewal] | None = None,
) -> None:
    """Run until `stop` is set; `ready` is called once, when every bot is. Returns after a clean end.

    Events come by each bot's own connection, unless `connected` is off, and by `push_sources` and `pull_sources`. Bots
    whose files were edited come by `renewals`. `on_event` hears of each event, before a bot does. On stop no event is
    taken in any more, turns in flight have `Limits.shutdown` seconds to end, and what is left stays with the engine and
    in the channels. Raises FrameworkError when a bot cannot start or goes on no longer.
    """
    _refuse_twins(bots)
    limits = limits or Limits()
    timing = timing or Timing()
    engine = engine or LocalEngine(concurrency=limits.concurrent_turns)
    timers = timers or SchedulerTimers()
    running = Bots(engine, limits, timing, timers, connected=connected, on_event=on_event)
    try:
        opened = await asyncio.gather(*(bot.service.open() for bot in bots), return_exceptions=True)
        for error in opened:
            if error is not None:
                raise error
        for bot in bots:
            running.add(bot)
        Backlog(engine, limits, timing).schedule(timers)
        await running.serve(hears=False)
        await _watch_over(
            running,
            engine,
            timers,
            limits,
            stop=stop,
            ready=ready,
            ways=(push_sources, pull_sources),
            renewals=renewals,
        )
    finally:
        await _close(list({*bots, *running.bots}), _closing_seconds(limits))


@contextlib.contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for garbage rarely, and only among what is made from now on: libraries and bots live as long as the process.

    A turn makes some thousand objects, nearly all of which are gone at its end. Looking through them took a sixth of
    its processor.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _watch_over(
    running: Bots,
    engine: Engine,
    timers: Timers,
    limits: Limits,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] | None,
    ways: tuple[Sequence[PushSource], Sequence[PullSource]],
    renewals: AsyncIterator[Renewal] | None,
) -> None:
    """Run the sessions until the stop or the first failure; then drain."""
    push_sources, pull_sources = ways
    beside: list[asyncio.Task[None]] = []
    try:
        async with AsyncExitStack() as intake:
            intake.enter_context(_collecting_rarely())
            # Pushed first, so ended last: a request that came through a source is answered by bots at work.
            intake.push_async_callback(running.stop)
            for source in push_sources:
                await intake.enter_async_context(
                    source(inbox=running.take, ready=lambda: running.is_ready, facts=running.facts)
                )
            intake.push_async_callback(_cancel, beside)
            intake.callback(running.end)
            running.start()
            timers.start()
            stopping = asyncio.create_task(_wait(stop))
            beside += [stopping, asyncio.create_task(_announce(running, ready))]
            beside += [asyncio.create_task(_read(source, running), name="source") for source in pull_sources]
            if renewals is not None:
                beside.append(asyncio.create_task(_renew(running, renewals), name="renewals"))
            await _until_first(stopping, running, beside)
    finally:
        timers.stop()
        left = await engine.drain(limits.shutdown - _closing_seconds(limits))
        _log.info("run.stopped", unfinished=len(left))
    ended = [running.ended.result()] if running.ended.done() else []
    _raise_first_failure([*ended, *beside])


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _read(source: PullSource, running: Bots) -> None:
    await source(inbox=running.take)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def _until_first(stopping: asyncio.Task[None], running: Bots, beside: Sequence[asyncio.Task[None]]) -> None:
    """Return with the stop, the end of a bot, or the failure of what goes on beside them."""
    going: set[asyncio.Future[None] | asyncio.Future[asyncio.Task[None]]] = {*beside, running.ended}
    while not stopping.done() and not running.ended.done():
        done, _ = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
        if any(task.exception() is not None for task in done):
            return
        going -= done


async def _announce(running: Bots, ready: Callable[[], None] | None) -> None:
    await running.ready()
    _log.info("run.ready", bots=[bot.name for bot in running.bots])
    if ready is not None:
        ready()
    # Only now: a lane that came from another replica earlier would go on here with what is heard, before what is not.
    while True:
        try:
            await running.serve(hears=True)
        except EngineError as error:
            _log.warning("engine.failed", error=error.what)
            await asyncio.sleep(_SERVE_AGAIN)
        else:
            return


async def _renew(running: Bots, renewals: AsyncIterator[Renewal]) -> None:
    async for renewal in renewals:
        try:
            await running.renew(renewal)
        except ChatServiceError as error:
            _log.error("bot.not_renewed", bot=renewal.bot.name, error=error.what, goes_on="as before")


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


def _closing_seconds(limits: Limits) -> float:
    return min(limits.shutdown * _CLOSING_SHARE, _LONGEST_CLOSING)


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
