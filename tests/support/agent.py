"""An agent that plays a script, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from framework.agent.conversation import (
    AgentEvent,
    Answer,
    Conversation,
    Finished,
    Source,
    TextDelta,
    ToolFinished,
    ToolStarted,
)


@dataclass(frozen=True)
class Pause:
    """Think for so many seconds."""

    seconds: float


Step = Pause | asyncio.Event | AgentEvent | Exception
Script = Callable[[Conversation], list[Step]]


def answer(text: str, *, outcome: str = "answered", sources: tuple[Source, ...] = ()) -> Finished:
    assert outcome in {"answered", "unsure", "refused"}
    return Finished(Answer(text=text, outcome=outcome, sources=sources, model="scripted"))  # type: ignore[arg-type]  # checked above


def echo(conversation: Conversation) -> list[Step]:
    """Answer at once, with the question in it."""
    return [answer(f"You said: {conversation.question}")]


def slowly(*pieces: str, pause: float = 0.2) -> Script:
    """Stream these pieces, each after a pause, as a whole at the end."""
    steps: list[Step] = []
    for piece in pieces:
        steps += [Pause(pause), TextDelta(piece)]
    return lambda _: [*steps, Pause(pause), answer("".join(pieces))]


class ScriptedAgent:
    """Plays `script` for every conversation; errors in it are raised, and events waited for."""

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.asked: list[Conversation] = []
        self.summed_up: list[Conversation] = []
        self.working = 0
        self.most_at_once = 0

    @property
    def questions(self) -> list[str]:
        return [conversation.question for conversation in self.asked]

    async def stream(self, conversation: Conversation) -> AsyncIterator[AgentEvent]:
        self.asked.append(conversation)
        self.working += 1
        self.most_at_once = max(self.most_at_once, self.working)
        try:
            for step in self.script(conversation):
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.working -= 1

    async def summarise(self, conversation: Conversation) -> str:
        self.summed_up.append(conversation)
        return f"They asked: {conversation.question}"


__all__ = ["Pause", "ScriptedAgent", "TextDelta", "ToolFinished", "ToolStarted", "answer", "echo", "slowly"]
