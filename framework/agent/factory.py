"""From a loaded bot to its agent: articles, tools, model. Heavy imports happen here, late, and once."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from framework.agent.model import ModelChoice, build_model, choose_model, site_of
from framework.definition.operations import OPERATION_TOOLS
from framework.errors import DefinitionError, Position, SettingsError
from framework.tools.registry import load_tools

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from framework.agent.agent import LangChainAgent
    from framework.agent.knowledge.base import KnowledgeBase
    from framework.definition.model import Bot
    from framework.settings import Settings
    from framework.tools.operations import ChatOperations

RESERVED = frozenset({"search_knowledge", "offer_person"})
"""Tools that the agent brings itself."""


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

    Takes about a second (imports), more when articles are read for the first time: their index is kept below
    `settings.data`. Opens no connection. Raises DefinitionError for what is wrong with articles or tools, SettingsError
    where the data folder cannot be written, and ModelError where the model cannot be set up.
    """
    with _without_collecting():
        from framework.agent.agent import LangChainAgent
        from framework.agent.parts import Parts

        choice = choose_model(bot.definition.model, settings)
        data = _folder(settings.data / "bots" / bot.name)
        knowledge = load_knowledge(bot, settings)
        operations = _operations(bot)
        return LangChainAgent(
            Parts(
                bot,
                _model(bot, choice, settings),
                site_of(choice, settings),
                data,
                tools=(*_tools(bot, knowledge), *(operations.tools if operations else ())),
                operations=operations,
                library=knowledge,
                embedded=choice.is_embedded,
                clock=clock,
                now=now,
            )
        )


def _model(bot: Bot, choice: ModelChoice, settings: Settings) -> BaseChatModel:
    if choice.is_embedded:
        from framework.agent.embedded import QuotingChatModel

        return QuotingChatModel(phrases=bot.definition.phrases)
    return build_model(choice, bot.definition.model, settings)


def load_knowledge(bot: Bot, settings: Settings) -> KnowledgeBase | None:
    """The bot's articles, indexed; None where it has none. Raises as `build_agent` does."""
    if not bot.knowledge_files:
        return None
    from framework.agent.knowledge.base import KnowledgeBase

    return KnowledgeBase.load(bot.knowledge_files, bot.folder, _folder(settings.data / "knowledge"))


def _tools(bot: Bot, knowledge: KnowledgeBase | None) -> Sequence[BaseTool]:
    tools = load_tools(bot)
    for tool in tools:
        if tool.name in RESERVED and bot.tools_file is not None:
            raise DefinitionError(
                f"the name {tool.name!r} is taken by a tool that every agent has",
                where=Position(bot.tools_file),
                hint="Give the tool another name.",
            )
    if knowledge is None:
        return tools
    from framework.agent.knowledge.tool import knowledge_tool

    return (*tools, knowledge_tool(knowledge))


def _operations(bot: Bot) -> ChatOperations | None:
    """The tools for the chat's operations that the bot lists."""
    if not any(name in OPERATION_TOOLS for name in bot.definition.tool_names):
        return None
    from framework.tools.operations import ChatOperations

    return ChatOperations(bot)


def _folder(path: Path) -> Path:
    """Make sure that a folder exists."""
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
def _without_collecting() -> Iterator[None]:
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
