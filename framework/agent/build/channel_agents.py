"""The agents of one bot: its own, and those of channels where its definition is overridden."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING

from framework.agent.build.factory import _now, without_collecting

if TYPE_CHECKING:
    from framework.agent.agent import LangChainAgent
    from framework.agent.build.builder import AgentBuilder
    from framework.agent.build.own import OwnParts
    from framework.agent.conversation import AgentEvent, Conversation
    from framework.definition.model import Bot
    from framework.outbound import Screen
    from framework.settings import Settings
    from framework.tools.operations import Opener


class ChannelAgents:
    """Makes agents by the content of what a channel's definition says, one for all channels where it says the same.

    What they have in common is there once: the index of the articles, models and their connections, tools.py, MCP
    servers, and what is remembered.
    """

    def __init__(
        self,
        bot: Bot,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
        own: OwnParts | None = None,
    ) -> None:
        """Builds the bot's own agent at once. `own` is what a program brings. Raises as `factory.build_agent` does."""
        with without_collecting():
            from framework.agent.build.builder import AgentBuilder

            self._builder: AgentBuilder = AgentBuilder(bot, settings, clock=clock, now=now, own=own)
            self._bot = bot
            self.root = self._builder.build(bot)
        self._app: tuple[Settings, Opener | None] | None = None
        self._members: dict[str, VariantAgent] = {}
        self._known: dict[int, tuple[Bot, VariantAgent | LangChainAgent]] = {}
        self._screens: dict[int, tuple[Bot, Screen]] = {}
        self._moderated = self._builder.own_texts is not None

    def at(self, cid: str) -> VariantAgent | LangChainAgent:
        """The agent for a channel (TYPE:ID). Quick: one that is new is built with its first turn."""
        return self.of(self._bot.at(cid))

    def of(self, variant: Bot) -> VariantAgent | LangChainAgent:
        """The agent for a variant of the bot."""
        # By identity first: it is asked for with every event. The variant is kept, so that its id stays its own.
        known = self._known.get(id(variant))
        if known is None:
            content = _content(variant)
            same = content == _content(self._bot)
            agent = self.root if same else self._members.setdefault(content, VariantAgent(self, variant))
            known = self._known[id(variant)] = (variant, agent)
        return known[1]

    def screen(self, cid: str | None) -> Screen:
        """What may be posted in a channel (TYPE:ID); in one that is not known, links that any channel allows."""
        if cid is None:
            from framework.agent.outgoing import widest

            patterns = self._bot.definition.overrides
            screen = widest([self._screen(self._bot), *(self._screen(self._bot.at(_some(one))) for one in patterns)])
            return self._with_rules(screen, self._bot, None)
        variant = self._bot.at(cid)
        return self._with_rules(self._screen(variant), variant, cid)

    def _screen(self, variant: Bot) -> Screen:
        known = self._screens.get(id(variant))
        if known is None:
            known = self._screens[id(variant)] = (variant, self._builder.screen(variant))
        return known[1]

    def _with_rules(self, screen: Screen, variant: Bot, cid: str | None) -> Screen:
        return screen.with_rules(self._builder.rules(variant, cid)) if self._moderated else screen

    def connect(self, settings: Settings, opener: Opener | None = None) -> None:
        """Let the tools for the chat's operations work on the app in `settings`: of all agents, also later ones."""
        self._app = (settings, opener)
        for agent in self._built():
            agent.connect(settings, opener)

    async def warm(self) -> None:
        """Do what the first turn would otherwise wait for."""
        await self.root.warm()

    async def aclose(self) -> None:
        """Close the connections of all agents."""
        for agent in self._built():
            await agent.aclose()
        if self._builder.own_texts is not None:
            await self._builder.own_texts.aclose()

    def build(self, variant: Bot) -> LangChainAgent:
        """Build the agent of a variant; for its member. Takes as long as what it does not share."""
        agent = self._builder.build(variant)
        if self._app is not None:
            agent.connect(*self._app)
        return agent

    def _built(self) -> list[LangChainAgent]:
        return [self.root, *(member.agent for member in self._members.values() if member.agent is not None)]


class VariantAgent:
    """The agent of a variant, built when it is first needed."""

    def __init__(self, agents: ChannelAgents, variant: Bot) -> None:
        self.agent: LangChainAgent | None = None
        self._agents = agents
        self._variant = variant
        self._lock = asyncio.Lock()

    async def stream(self, conversation: Conversation) -> AsyncGenerator[AgentEvent, None]:
        """As `LangChainAgent.stream`; raises DefinitionError too, where the override names what is not there."""
        agent = await self._own()
        async with aclosing(agent.stream(conversation)) as events:
            async for event in events:
                yield event

    async def summarise(self, conversation: Conversation) -> str:
        """As `LangChainAgent.summarise`."""
        return await (await self._own()).summarise(conversation)

    async def facts_of(self, user_id: str, channel: str) -> tuple[str, ...]:
        """As `LangChainAgent.facts_of`."""
        return await (await self._own()).facts_of(user_id, channel)

    async def erase(self, user_id: str) -> int:
        """As `LangChainAgent.erase`."""
        return await (await self._own()).erase(user_id)

    async def _own(self) -> LangChainAgent:
        async with self._lock:
            if self.agent is None:
                self.agent = await asyncio.to_thread(self._agents.build, self._variant)
            return self.agent


def _some(pattern: str) -> str:
    """A channel that a pattern of overrides fits."""
    return pattern.replace("*", "x").replace("?", "x")


def _content(variant: Bot) -> str:
    """What an agent is made from: triggers, hours and the like do not make another one."""
    definition = variant.definition.model_dump_json(
        include={"identity", "model", "context", "tools", "mcp_servers", "memory", "operations", "phrases", "budget"}
        | {"handover", "knowledge_url"}
    )
    return "\n".join([variant.system_prompt, *map(str, variant.knowledge_files), definition])
