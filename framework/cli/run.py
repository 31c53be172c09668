"""`run`: the main job. Bots answer in their channels until they are stopped."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from framework.agent.build.channel_agents import ChannelAgents
    from framework.cli.renewals import Renewals
    from framework.definition.model import Bot
    from framework.engine.durable import DurableEngine
    from framework.runtime.core.bot import Limits, RunningBot
    from framework.runtime.process import Door, Feed
    from framework.settings import Settings
    from framework.stream.model import User


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    bots: Annotated[
        list[str], typer.Argument(metavar="BOT", help="Names under bots/, or paths to folders with a bot.yaml.")
    ],
) -> None:
    """Run bots: they join their channels and answer until Ctrl-C.

    Without STREAM_API_KEY a sandbox is started beside them, with a playground page to talk to them. A bot whose files
    are edited goes on with what they say then.
    """
    started = time.monotonic()
    from framework.cli.assembly import load_bots, logging_for, prepare_data
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings)
    loaded = load_bots(bots)
    prepare_data(settings.data)
    asyncio.run(_Run(loaded, settings, started).go())


class _Run:
    """One run, from the first import to the last word."""

    def __init__(self, bots: list[Bot], settings: Settings, started: float) -> None:
        self._bots = bots
        self._settings = settings
        self._started = started
        self._embedded = not settings.has_stream
        self._renewals: Renewals | None = None
        self._teammate: User | None = None

    async def go(self) -> None:
        """Run until a signal."""
        from framework.cli.signals import stop_on_signals

        reload = None if self._settings.reload == "off" else self._reload
        with stop_on_signals(reload) as stop:
            async with AsyncExitStack() as stack:
                parts = await self._prepared(stack, stop)
                if parts is not None:
                    await self._serve(stack, stop, *parts)

    async def _prepared(
        self, stack: AsyncExitStack, stop: asyncio.Event
    ) -> tuple[list[ChannelAgents], DurableEngine] | None:
        """Agents and engine; None where the stop came first. Imports take seconds, and so does the sandbox: they go
        side by side, in threads and a process.
        """
        from framework.cli.assembly import in_daemon_thread, open_database, warm_agents
        from framework.cli.local_sandbox import local_sandbox

        settings = self._settings
        warming = asyncio.create_task(warm_agents(self._bots, settings))
        concurrency = _limits(settings).concurrent_turns
        opening = asyncio.create_task(in_daemon_thread(partial(open_database, settings, concurrency=concurrency)))
        for task in (warming, opening):
            stack.callback(task.cancel)
        if self._embedded:
            starting = asyncio.create_task(stack.enter_async_context(local_sandbox(settings)))
            if not await _finished(starting, stop):
                starting.cancel()
                await asyncio.wait({starting})
                return None
            self._settings = starting.result()
        if not await _finished(opening, stop):
            return None
        stack.push_async_callback(opening.result().close)
        return (warming.result(), opening.result()) if await _finished(warming, stop) else None

    async def _serve(
        self, stack: AsyncExitStack, stop: asyncio.Event, agents: list[ChannelAgents], engine: DurableEngine
    ) -> None:
        from framework.cli.assembly import open_bot
        from framework.cli.teammate import seat_teammate
        from framework.runtime.process import run_bots

        settings = self._settings
        self._teammate = await seat_teammate(self._bots, settings) if self._embedded else None
        running = [
            await stack.enter_async_context(open_bot(bot, settings, agents=family))
            for bot, family in zip(self._bots, agents, strict=True)
        ]
        self._renewals = self._prepare_renewals(running, agents)
        stack.push_async_callback(self._renewals.close)
        await run_bots(
            running,
            stop=stop,
            ready=self._announce,
            limits=_limits(settings),
            engine=engine,
            connected=settings.by_websocket,
            doors=_doors(settings),
            feeds=_feeds(settings),
            renewals=self._renewals.all(),
        )

    def _prepare_renewals(self, running: list[RunningBot], agents: list[ChannelAgents]) -> Renewals:
        import sys

        from framework.cli.renewals import Renewals
        from framework.cli.screen import show_error
        from framework.errors import FrameworkError

        def show(error: FrameworkError) -> None:
            if sys.stderr.isatty():
                show_error(error)

        return Renewals(zip(self._bots, running, agents, strict=True), self._settings, show=show)

    def _reload(self) -> None:
        if self._renewals is not None:
            self._renewals.ask()

    def _announce(self) -> None:
        """Say that everything is up, and where to go."""
        from framework.cli.banner import show_ready

        with suppress(OSError):  # A terminal that is closed at this moment: its signal ends the run in good order.
            seconds = time.monotonic() - self._started
            show_ready(self._bots, self._settings, seconds, embedded=self._embedded, teammate=self._teammate)


async def _finished(task: asyncio.Task[Any], stop: asyncio.Event) -> bool:
    """Wait for a task, or for the stop, whichever comes first. Raises what the task raised."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return task.done()


def _limits(settings: Settings) -> Limits:
    from framework.runtime.core.bot import Limits

    return Limits(shutdown=settings.drain)


def _doors(settings: Settings) -> list[Door]:
    if not settings.by_webhook or settings.webhook is None:
        return []
    from framework.stream.sources.webhook_server import webhook_server

    return [partial(webhook_server, settings)]


def _feeds(settings: Settings) -> list[Feed]:
    if not settings.by_webhook or settings.sqs_queue_url is None:
        return []
    from framework.stream.sources.sqs import take_from_queue

    return [partial(take_from_queue, settings)]
