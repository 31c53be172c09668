"""A bot at work: its definition, its view of the chat service, and what answers for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from framework.agent.conversation import Agent
from framework.definition.model import BotDefinition
from framework.stream.service import ChatService


@dataclass(frozen=True)
class RunningBot:
    """What a process needs to run one bot. `service` is bound to the bot's user."""

    name: str
    definition: BotDefinition
    service: ChatService
    agent: Agent

    @property
    def user_id(self) -> str:
        """As whom the bot speaks."""
        return self.definition.identity.user_id


@dataclass(frozen=True)
class Limits:
    """Bounds of the runtime; seconds and characters."""

    text_length: int = 5_000
    head_start: float = 0.1
    fastest_sketch: float = 0.1
    slowest_sketch: float = 1.0
    generation: float = 600.0
    repeated_questions: int = 100
    echoes: int = 3
    concurrent_turns: int = 64
    discovery: float = 3.0
    reconciliation: float = 60.0
    first_retry: float = 5.0
    last_retry: float = 600.0
    shutdown: float = 4.0  # of the five that a stop may take: the sandbox and the interpreter need the rest
    clock_skew: timedelta = timedelta(minutes=5)
