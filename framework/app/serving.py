"""Serving an app's bots: agents, database and sandbox are opened side by side, then the bots answer until the stop."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from framework.aio import background, cancel, in_daemon_thread, race, together
from framework.errors import EngineError
from framework.extras import extra

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from framework.agent.build.channel_agents import ChannelAgents
    from framework.app.app_bot import AppBot
    from framework.app.guarding.guarding import Guarding
    from framework.app.reloads import Reloads
    from framework.console.parts import ConsoleParts
    from framework.definition.model import Bot
    from framework.engine.durable import DurableEngine
    from framework.errors import FrameworkError
    from framework.runtime.bots import Renewal
    from framework.runtime.core.bot import Limits, RunningBot
    from framework.runtime.process import PullSource, PushSource
    from framework.settings import Settings
    from framework.stream.model import User


_PRUNED_EVERY = 6 * 3600.0  # seconds
_TEXTS_PRUNED_EVERY = 300.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ready:
    """Tells what is up. `settings` name the chat service, which is the sandbox if `sandbox`; `models` are labels by the
    name of the bot; `teammates` can act for the team in the sandbox.
    """

    bots: Sequence[Bot]
    settings: Settings
    models: dict[str, str]
    sandbox: bool
    teammates: Sequence[User]


class Serving:
    """One run of an app's bots, from the first import to the last word. `tell` shows an edit's mistake to a person."""

    def __init__(
        self,
        bots: Sequence[AppBot],
        settings: Settings,
        *,
        ready: Callable[[Ready], None],
        tell: Callable[[FrameworkError], None],
    ) -> None:
        self._bots = bots
        self._settings = settings
        self._ready = ready
        self._tell = tell
        self._sandbox = not settings.has_stream
        self._reloads: Reloads | None = None
        self._guarding: Guarding | None = None

    async def until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises FrameworkError if a bot cannot start, or goes on no longer."""
        async with AsyncExitStack() as stack:
            parts = await self._prepared(stack, stop)
            if parts is not None:
                await self._serve(stack, stop, *parts)

    def reload(self) -> None:
        """Read the bots' files again, edited or not."""
        if self._reloads is not None:
            self._reloads.ask()
        if self._guarding is not None:
            self._guarding.reload()

    async def _prepared(
        self, stack: AsyncExitStack, stop: asyncio.Event
    ) -> tuple[list[ChannelAgents], DurableEngine] | None:
        """Agents and engine; None if the stop came first. Imports take seconds, and so does the sandbox: they go side
        by side, in threads and a process.
        """
        from framework.app.local_sandbox import local_sandbox

        settings = self._settings
        warming = asyncio.create_task(warm_agents(self._bots, settings))
        concurrency = _limits(settings).concurrent_turns
        opening = asyncio.create_task(in_daemon_thread(partial(open_database, settings, concurrency=concurrency)))
        for task in (warming, opening):
            stack.callback(task.cancel)
        if self._sandbox:
            starting = asyncio.create_task(stack.enter_async_context(local_sandbox(settings)))
            if not await _finished(starting, stop):
                await cancel(starting)
                return None
            self._settings = starting.result()
        if not await _finished(opening, stop):
            return None
        stack.push_async_callback(opening.result().close)
        return (warming.result(), opening.result()) if await _finished(warming, stop) else None

    async def _serve(
        self, stack: AsyncExitStack, stop: asyncio.Event, agents: list[ChannelAgents], engine: DurableEngine
    ) -> None:
        from framework.app.reloads import Reloads
        from framework.app.running import open_bot
        from framework.app.tracing import tracing
        from framework.runtime.process import run_bots

        settings = self._settings
        await stack.enter_async_context(tracing(settings))
        bots = [entry.bot for entry in self._bots]
        teammates = await _furnish(bots, settings) if self._sandbox else ()
        if self._sandbox:
            from framework.app.presented_articles import present_articles

            await stack.enter_async_context(background(present_articles(bots, settings), name="articles"))
        models = {bot.name: made.root.model_label for bot, made in zip(bots, agents, strict=True)}
        running: list[RunningBot] = [
            await stack.enter_async_context(open_bot(entry, settings, made))
            for entry, made in zip(self._bots, agents, strict=True)
        ]
        for pruning in (_prune(running, settings), _prune_texts(settings)):
            stack.callback(asyncio.create_task(pruning, name="history").cancel)
        self._guarding = guarding = await self._guard(stack, running)
        self._reloads = Reloads(zip(self._bots, running, agents, strict=True), settings, show=self._tell)
        stack.push_async_callback(self._reloads.close)
        await run_bots(
            running,
            stop=stop,
            ready=lambda: self._ready(Ready(bots, settings, models, self._sandbox, teammates)),
            limits=_limits(settings),
            engine=engine,
            connected=settings.by_websocket,
            push_sources=_push_sources(settings, guarding, self._console(stack, engine, self._reloads)),
            pull_sources=_pull_sources(settings),
            on_event=guarding.hear if guarding is not None else None,
            renewals=_told(self._reloads, settings) if self._sandbox else self._reloads.all(),
        )

    def _console(self, stack: AsyncExitStack, engine: DurableEngine, reloads: Reloads) -> Callable[[], ConsoleParts]:
        """What makes the console's parts, once somebody is served."""

        def make() -> ConsoleParts:
            from framework.app.console import make_console

            parts = make_console(self._settings, engine, reloads)
            stack.callback(parts.storage.close)
            return parts

        return make

    async def _guard(self, stack: AsyncExitStack, running: Sequence[RunningBot]) -> Guarding | None:
        """Start moderation, if a bot has a moderation.yaml."""
        bots = [entry.bot for entry in self._bots]
        if not any((bot.folder / "moderation.yaml").is_file() for bot in bots):
            return None
        from framework.app.guarding.guarding import guarding
        from framework.moderation.endpoint.rules import GuardedBot

        guarded = [
            GuardedBot(bot.name, bot.folder, tuple(bot.definition.channels.join))
            for bot in bots
            if (bot.folder / "moderation.yaml").is_file()
        ]
        return await stack.enter_async_context(
            guarding(running, guarded, self._settings, sandbox=self._sandbox, tell=self._tell)
        )


def open_database(settings: Settings, *, concurrency: int = 64) -> DurableEngine:
    """The engine that keeps turns until they are done, in NATS or in the database. Blocks while that is opened.

    Raises SettingsError for an address that cannot be understood, EngineError if it cannot be used.
    """
    from framework.engine.opening import open_engine
    from framework.runtime.core.job import VERSION

    replicas = settings.journal_replicas
    return open_engine(
        (settings.journal or settings.database).get_secret_value(),
        concurrency=concurrency,
        version=VERSION,
        copies=None if replicas is None else int(replicas),
        credentials=settings.journal_credentials,
        ca=settings.journal_ca,
    )


async def warm_agents(bots: Sequence[AppBot], settings: Settings) -> list[ChannelAgents]:
    """Build the bots' agents, ready to answer at full speed: the slow part of a start, done beside the event loop."""
    agents = await in_daemon_thread(partial(_build, bots, settings))
    await together(*(agent.warm() for agent in agents))
    return agents


def _build(bots: Sequence[AppBot], settings: Settings) -> list[ChannelAgents]:
    agents = [entry.build(settings) for entry in bots]
    import stream_chat  # noqa: F401 - only to have it imported by the time that the first bot connects

    return agents


async def _furnish(bots: Sequence[Bot], settings: Settings) -> Sequence[User]:
    """Tell the sandbox of the bots, and make people for their team."""
    from framework.app.presented import present
    from framework.app.teammate import add_teammates

    definitions = [bot.definition for bot in bots]
    teammates, _ = await asyncio.gather(add_teammates(bots, settings), present(definitions, settings))
    return teammates


async def _told(reloads: Reloads, settings: Settings) -> AsyncIterator[Renewal]:
    """The renewals; the sandbox hears of each bot as it is now."""
    from framework.app.presented import present
    from framework.app.presented_articles import present_articles

    async for renewal in reloads.all():
        await present([renewal.bot.definition], settings)
        yield renewal
        await present_articles([bot for bot in reloads.bots if bot.name == renewal.bot.name], settings)


async def _prune(running: Sequence[RunningBot], settings: Settings) -> None:
    """Delete what is too old from the history, now and every few hours. The bots share one."""
    history = next((bot.history for bot in running if bot.history is not None), None)
    while history is not None:
        await history.prune(datetime.now(UTC) - timedelta(days=settings.history))
        await asyncio.sleep(_PRUNED_EVERY)


async def _prune_texts(settings: Settings) -> None:
    """Delete the words of turns that are older than they may be, now and every few minutes."""
    from framework.insight.turn_texts import TurnTexts
    from framework.storage import Storage

    texts = TurnTexts(Storage(settings.database.get_secret_value()))
    try:
        while True:
            try:
                await texts.prune(datetime.now(UTC) - timedelta(days=settings.keep_text))
            except EngineError as error:
                _log.warning("texts.not_pruned", error=error.what)
            await asyncio.sleep(_TEXTS_PRUNED_EVERY)
    finally:
        await texts.close()


async def _finished(task: asyncio.Task[Any], stop: asyncio.Event) -> bool:
    """Wait for a task, or for the stop, whichever comes first. Raises what the task raised."""
    await race(task, stop.wait())
    return task.done()


def _limits(settings: Settings) -> Limits:
    from framework.runtime.core.bot import Limits

    return Limits(shutdown=settings.drain, concurrent_turns=settings.slots)


def _push_sources(
    settings: Settings, guarding: Guarding | None, console: Callable[[], ConsoleParts]
) -> list[PushSource]:
    from framework.app.admin import admin_server

    operators = partial(admin_server, settings, console=console)
    if not settings.by_webhook or settings.webhook is None:
        return [operators]
    with extra("webhook", "Taking in webhooks (FRAMEWORK_WEBHOOK)"):
        from framework.stream.sources.webhook_server import webhook_server

    bound = guarding.inner if guarding is not None else None
    return [operators, partial(webhook_server, settings, bound=bound)]


def _pull_sources(settings: Settings) -> list[PullSource]:
    if not settings.by_webhook or settings.sqs_queue_url is None:
        return []
    from framework.stream.sources.sqs import take_from_queue

    return [partial(take_from_queue, settings)]
