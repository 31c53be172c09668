"""What an app has open for single answers: agents and chat services, each opened at its first use."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from framework.aio import in_daemon_thread

if TYPE_CHECKING:
    from framework.agent.build.channel_agents import ChannelAgents
    from framework.app.app_bot import AppBot
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings


class OpenBots:
    """Agents and running bots by the name of the bot. Without a chat service in `settings`, the sandbox is started when
    the first bot needs one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._agents: dict[str, ChannelAgents] = {}
        self._running: dict[str, RunningBot] = {}

    async def agents(self, entry: AppBot) -> ChannelAgents:
        """The agents of a bot. Raises as `build_agent` does."""
        name = entry.bot.name
        async with self._lock:
            if name not in self._agents:
                agents = await in_daemon_thread(lambda: entry.build(self._settings))
                self._stack.push_async_callback(agents.aclose)
                self._agents[name] = agents
            return self._agents[name]

    async def running(self, entry: AppBot) -> RunningBot:
        """The bot with its chat service. Raises as `agents` does, and ChatServiceError."""
        from framework.app.local_sandbox import local_sandbox
        from framework.app.running import open_bot

        agents, name = await self.agents(entry), entry.bot.name
        async with self._lock:
            if not self._settings.has_stream:
                self._settings = await self._stack.enter_async_context(local_sandbox(self._settings))
            if name not in self._running:
                opened = open_bot(entry, self._settings, agents)
                self._running[name] = await self._stack.enter_async_context(opened)
            return self._running[name]

    async def aclose(self) -> None:
        """Close everything, in reverse order."""
        await self._stack.aclose()
