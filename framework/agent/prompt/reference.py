"""What an answer may rest on: a passage of an article, whoever found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from framework.agent.conversation import Conversation, Source


@dataclass(frozen=True)
class Reference:
    """A passage, and where it stands."""

    source: Source
    text: str


class Library(Protocol):
    """What the agent asks of a bot's knowledge."""

    async def warm(self) -> None:
        """Do what the first question would otherwise wait for."""

    async def look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """Return the passages that fit the question best, best first; empty if nothing comes near."""

    def read(self, artifact: object) -> Sequence[Reference]:
        """The passages in what the tool `search_knowledge` returned beside its text; empty for anything else."""
