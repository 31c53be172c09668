"""The bot's agent, watched: which tools a turn called, and that time runs as usual while a model outside works."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Any

from framework.agent.conversation import Agent, AgentEvent, Conversation, Finished, ToolFinished


@dataclass(frozen=True)
class WatchedAgent:
    """An `Agent` in front of another one. `called` takes the names of tools in the order of their ends."""

    inner: Agent
    called: list[str]
    real_time: Callable[[], AbstractContextManager[None]]

    async def stream(self, conversation: Conversation) -> AsyncGenerator[AgentEvent, None]:
        """See `Agent.stream`."""
        with self.real_time():
            inner: Any = self.inner.stream(conversation)
            async with aclosing(inner) as events:
                async for event in events:
                    if isinstance(event, ToolFinished):
                        self.called.append(event.name)
                    if isinstance(event, Finished):
                        missing = [name for name in event.answer.tools if name not in self.called]
                        self.called.extend(missing)
                    yield event

    async def summarise(self, conversation: Conversation) -> str:
        """See `Agent.summarise`."""
        with self.real_time():
            return await self.inner.summarise(conversation)
