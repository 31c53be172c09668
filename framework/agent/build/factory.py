"""From a loaded bot to its agent: articles, tools, model. Heavy imports happen here, late, and once."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from framework.errors import SettingsError
from framework.extras import require
from framework.values import Untyped

if TYPE_CHECKING:
    from contextvars import Context
    from pathlib import Path

    from framework.agent.agent import LangChainAgent
    from framework.agent.knowledge.base import KnowledgeBase
    from framework.agent.knowledge.state import KnowledgeState
    from framework.definition.model import Bot
    from framework.embedding.embedder import Embedder
    from framework.settings import Settings

_FORMER = "LANGCHAIN_TRACING"
"""LangChain refuses to work while this variable is set, whatever it says."""


def _now() -> datetime:
    return datetime.now(UTC)


def build_agent(
    bot: Bot,
    settings: Settings,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = _now,
) -> LangChainAgent:
    """Build a bot's agent, once; it serves many turns at once. `clock` measures seconds, `now` is what tools are told.
    For a bot that differs between channels, see `channel_agents.py`.

    Takes about a second (imports), more when articles are read for the first time: their index is kept below
    `settings.data`. Opens no connection. Raises DefinitionError for what is wrong with articles or tools, SettingsError
    where the data folder cannot be written, and ModelError where the model cannot be set up.
    """
    with without_collecting():
        from framework.agent.build.builder import AgentBuilder

        return AgentBuilder(bot, settings, clock=clock, now=now).build(bot)


def load_knowledge(bot: Bot, settings: Settings, embedder: Embedder | None = None) -> KnowledgeBase | None:
    """The bot's articles, indexed; None where it has none. `embedder`: one that is loaded already. Raises as
    `build_agent` does.
    """
    if not bot.knowledge_files:
        return None
    require("embedded", "Searching articles")
    from framework.agent.knowledge.base import KnowledgeBase

    return KnowledgeBase.load(bot.knowledge_files, bot.folder, make_folder(settings.data / "knowledge"), embedder)


def look_at_knowledge(bot: Bot, settings: Settings) -> KnowledgeState | None:
    """Tell what is known of the bot's articles without computing anything; None where it has none. Raises
    DefinitionError if none of them can be read.
    """
    if not bot.knowledge_files:
        return None
    require("embedded", "Searching articles")
    from framework.agent.knowledge.state import knowledge_state

    return knowledge_state(bot.knowledge_files, bot.folder, settings.data / "knowledge")


def make_folder(path: Path) -> Path:
    """Make sure that a folder exists. Raises SettingsError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The data folder cannot be written: {error.strerror}.",
            where=str(path),
            hint="Set FRAMEWORK_DATA to a folder that this user may write.",
        ) from None
    return path


@contextmanager
def without_collecting() -> Iterator[None]:
    """Imports make millions of objects that live as long as the process: looking for garbage among them costs a fifth
    of the start-up time. Afterwards they are set aside for good.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


def settle_tracing(settings: Settings) -> None:
    """Send nothing to LangSmith unless FRAMEWORK_TRACING says so, whatever LANGSMITH_TRACING and its kin say: prompts
    hold what people wrote. Holds for the whole process.

    LangChain wraps each middleware for LangSmith, and each wrapper goes to a thread twice a call, also if nothing is
    traced. With nothing to trace, these steps run in place.
    """
    from langsmith import configure, set_runtime_overrides

    traced = settings.tracing == "langsmith"
    os.environ.pop(_FORMER, None)
    configure(enabled=traced)
    set_runtime_overrides(aio_to_thread=None if traced else _in_place)


async def _in_place(
    _default: object, context: Context, function: Callable[..., Untyped], /, *args: object, **named: object
) -> Untyped:
    return context.run(function, *args, **named)
