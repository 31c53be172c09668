"""Puts the rooms together for the commands: a bot by name, its agent, its data folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from framework.definition.loader import load_bot
from framework.errors import SettingsError, UsageError
from framework.private_files import tighten
from framework.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from framework.agent.agent import LangChainAgent
    from framework.agent.build.channel_agents import ChannelAgents
    from framework.definition.model import Bot
    from framework.engine.durable import DurableEngine
    from framework.outbound import Screen
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings
    from framework.stream.model import ChannelRef
    from framework.stream.port import ChatService

T = TypeVar("T")


def assemble_agent(name: str, *, level: str = "error") -> LangChainAgent:
    """Load a bot and build its agent, for commands without a chat service. Logs below `level` are left out."""
    settings = load_settings()
    logging_for(settings, level=level)
    # Reading articles for the first time takes a while: that is said, whatever else is left out.
    logging.getLogger("framework.agent.knowledge").setLevel(logging.INFO)
    bot = load_bot(name)
    prepare_data(settings.data)
    from framework.agent.build.factory import build_agent

    return build_agent(bot, settings)


def load_bots(names: list[str]) -> list[Bot]:
    """Load bots by name or path, each once, so that two names for one folder do not run it twice.

    Raises UsageError where two folders have one name, under which their data would be kept, and where two bots are one
    user of the chat, which would answer everything twice.
    """
    bots = {bot.folder.resolve(): bot for bot in map(load_bot, names)}
    folders: dict[str, Path] = {}
    for folder, bot in bots.items():
        if bot.name in folders:
            raise UsageError(
                f"Two bots are called {bot.name}: {folders[bot.name]} and {folder}.",
                hint="Rename the folder of one of them.",
            )
        folders[bot.name] = folder
    users: dict[str, Bot] = {}
    for bot in bots.values():
        user = bot.definition.identity.user_id
        other = users.setdefault(user, bot)
        if other is not bot:
            raise UsageError(
                f"The bots {other.name} and {bot.name} are both the user {user!r}.",
                where=bot.document.position(("identity", "user_id")) if bot.document else None,
                hint="Bots that run together need a user each: give one of them another `identity: user_id:`.",
            )
    return list(bots.values())


def prepare_data(folder: Path) -> None:
    """Make sure that the data folder exists, can be written, and can be read by nobody else. Raises SettingsError."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
        tighten(folder)
    except OSError as error:
        raise SettingsError(
            f"The data folder cannot be written: {error.strerror}",
            where=str(folder),
            hint="Set FRAMEWORK_DATA to a folder that this user may write.",
        ) from None


def logging_for(settings: Settings, *, level: str | None = None) -> None:
    """Set up logs as the environment says, with every known secret struck out. `level` overrides what is left out."""
    from pydantic import SecretStr

    from framework.environment import hidden_values
    from framework.logs.log import configure

    known = (settings.stream_api_secret, settings.openai_api_key, settings.database_url, _password(settings))
    others = map(SecretStr, hidden_values().values())
    secrets = [secret for secret in (*known, *others) if secret]
    configure(settings.log_format, level or settings.log_level, secrets=secrets)
    if level and sys.stderr.isatty():
        # Reading articles for the first time takes half a minute: whoever waits for it should know.
        logging.getLogger("framework.agent.knowledge").setLevel(logging.INFO)


def _password(settings: Settings) -> SecretStr | None:
    """The database's, which an error of its driver might show alone."""
    from urllib.parse import unquote, urlsplit

    from pydantic import SecretStr

    if settings.database_url is None:
        return None
    return SecretStr(unquote(urlsplit(settings.database_url.get_secret_value()).password or ""))


def open_database(settings: Settings, *, concurrency: int = 64) -> DurableEngine:
    """The engine that keeps turns until they are done. Blocks while its database is opened.

    Raises SettingsError for an address that is none, EngineError where the database cannot be used.
    """
    from framework.engine.durable import open_engine

    return open_engine(settings.database.get_secret_value(), concurrency=concurrency)


async def warm_agents(bots: Sequence[Bot], settings: Settings) -> list[ChannelAgents]:
    """Build the bots' agents, ready to answer at full speed: the slow part of a start, done beside the event loop."""
    agents = await in_daemon_thread(partial(_build, bots, settings))
    await asyncio.gather(*(agent.warm() for agent in agents))
    return agents


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run something slow beside the event loop, in a thread that Ctrl-C need not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(setter: Callable[[Any], None], value: object) -> None:
        if not done.cancelled():
            setter(value)

    def call() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever awaits
            outcome: tuple[Callable[[Any], None], object] = (done.set_exception, error)
        else:
            outcome = (done.set_result, result)
        with contextlib.suppress(RuntimeError):  # The loop was closed: nobody waits any more.
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=call, daemon=True).start()
    return await done


def _build(bots: Sequence[Bot], settings: Settings) -> list[ChannelAgents]:
    from framework.agent.build.channel_agents import ChannelAgents

    agents = [ChannelAgents(bot, settings) for bot in bots]
    import stream_chat  # noqa: F401, TID251 - only to have it imported by the time that the first bot connects

    return agents


def make_running(
    bot: Bot, settings: Settings, service: ChatService, agents: ChannelAgents, *, before: RunningBot | None = None
) -> RunningBot:
    """A bot at work, with what its definition says of single channels. `before`: what it was until its files were
    edited, from which it keeps what was spent and what people thought of it.
    """
    from datetime import UTC, datetime

    from framework.approvals import ApprovalStore
    from framework.budget.database import DatabaseUsageBook
    from framework.definition.overrides import effective
    from framework.runtime.core.bot import RunningBot, Setup
    from framework.runtime.erasure import Eraser
    from framework.runtime.handover.database import DatabaseHandovers
    from framework.runtime.state.feedback_database import DatabaseFeedback
    from framework.storage import Storage

    agents.connect(settings)
    definition = bot.definition
    storage = Storage(settings.database.get_secret_value())  # opens nothing before its first use

    def at_channel(channel: ChannelRef) -> Setup:
        cid = str(channel)
        return Setup(effective(definition, cid), agents.at(cid))

    def screen_at(channel: ChannelRef | None) -> Screen:
        return agents.screen(None if channel is None else str(channel))

    service.screen_with(lambda channel, text, partial: screen_at(channel)(text, partial=partial))
    return RunningBot(
        bot.name,
        definition,
        service,
        agents.root,
        at_channel if definition.overrides else None,
        before.usage if before else DatabaseUsageBook(settings.database.get_secret_value()),
        before.feedback if before else DatabaseFeedback(storage, settings.data / "feedback.jsonl"),
        before.handovers if before else DatabaseHandovers(storage),
        before.approvals if before else ApprovalStore(storage, now=lambda: datetime.now(UTC)),
        screen_at,
        Eraser([bot], settings),
    )


@contextlib.asynccontextmanager
async def open_bot(bot: Bot, settings: Settings, *, agents: ChannelAgents | None = None) -> AsyncIterator[RunningBot]:
    """A bot with its agents and its view of the chat service; all is closed at the end."""
    from framework.agent.build.channel_agents import ChannelAgents
    from framework.runtime.state.feedback_database import DatabaseFeedback
    from framework.stream.factory import open_chat_service

    agents = agents or ChannelAgents(bot, settings)
    service = open_chat_service(settings, bot.definition.identity)
    running = make_running(bot, settings, service, agents)
    try:
        if isinstance(running.feedback, DatabaseFeedback):
            await running.feedback.take_over()
        yield running
    finally:
        await service.close()
        await agents.aclose()
        if running.usage is not None:
            await running.usage.close()
        await running.handovers.close()
        if running.approvals is not None:
            running.approvals.close()
