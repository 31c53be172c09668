"""A bot as production wires it (its folder, agents, budgets, approval desk) on a chat in memory, in front of a model
that answers as a test says.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import yaml

from framework.agent.build.channel_agents import ChannelAgents
from framework.app.running import make_running
from framework.definition.loader import load_bot
from framework.engine.opening import open_engine
from framework.engine.port import Engine
from framework.runtime.core.bot import Limits
from framework.settings import Settings
from framework.stream.model import Message
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import Running
from tests.support.chat import World
from tests.support.engines import UNHURRIED
from tests.support.openai_server import MODEL, ScriptedServer
from tests.support.waiting import until

KEY = "sk-test-77c2e1f0aa"
LIMITS = Limits(head_start=0.01, shutdown=2.0, first_retry=0.1, last_retry=0.5, reconciliation=600, discovery=0.5)


def bot_folder(place: Path, definition: dict[str, Any], tools: str = "", files: dict[str, str] | None = None) -> Path:
    """A bot's folder, as its author would write it."""
    folder = place / "modelled_bot"
    folder.mkdir(exist_ok=True)
    declared = {"channels": {"join": ["messaging:support-*"]}, "prompt": "prompt.md.j2", **definition}
    # Limits of a person's pace have tests of their own.
    declared["budget"] = {"user_minute": None, "user_at_once": None, **definition.get("budget", {})}
    (folder / "bot.yaml").write_text(yaml.safe_dump(declared))
    for name, text in {"prompt.md.j2": "You are the support agent of Fernly.", **(files or {})}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    if tools:
        (folder / "tools.py").write_text(textwrap.dedent(tools))
    return folder


def settings_of(server: ScriptedServer, data: Path, **more: Any) -> Settings:
    """The environment of a bot in front of the scripted server."""
    values = {"openai_api_key": KEY, "openai_base_url": server.url, "openai_model": MODEL, "data": data, **more}
    return Settings(**values, _env_file=None)


@asynccontextmanager
async def modelled(
    world: World, folder: Path, settings: Settings, *, timing: Timing, engine: Engine | None = None
) -> AsyncIterator[Running]:
    """The bot at work. Its turns are kept in the database of `settings`, unless an engine is given."""
    bot = load_bot(str(folder))
    family = await asyncio.to_thread(ChannelAgents, bot, settings)
    own = None
    if engine is None:
        own = await asyncio.to_thread(
            open_engine, settings.database.get_secret_value(), concurrency=100, rhythm=UNHURRIED
        )
    agent = cast("ScriptedAgent", family.root)
    running = Running(world, agent, timing=timing, limits=LIMITS, engine=engine or own)
    running.definition = bot.definition
    family.connect(settings)
    running.bot = make_running(bot, settings, running.service, family)
    try:
        async with running:
            yield running
    finally:
        await family.aclose()
        if own is not None:
            await own.close()
        if running.bot.usage is not None:
            await running.bot.usage.close()


async def answered(bot: Running, message: Message) -> Message:
    """The complete reply to a message."""

    def complete() -> Message | None:
        reply = bot.reply_to(message)
        return reply if reply is not None and not reply.generating else None

    return cast("Message", await until(complete))


async def settled(bot: Running, message: Message) -> Message | None:
    """What came of a message: the reply, or None where the bot was silent. A moment after the reply is complete."""

    async def ended() -> bool:
        record = await bot.engine.record(bot.bot.ids.of(message.id).job)
        return record is not None and record.state in {"settled", "dead"}

    await until(ended)
    return bot.reply_to(message)


def reviews(world: World, cid: str) -> list[Message]:
    """What was put before the team in a channel."""
    return [message for message in world.messages(cid) if "review" in message.custom]
