"""What a turn's loop says, as the agent's own events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from framework.agent.conversation import (
    AgentEvent,
    ApprovalRequested,
    HandoverRequested,
    TextDelta,
    ToolFinished,
    ToolStarted,
)
from framework.agent.middleware.budget import BudgetSpent
from framework.agent.middleware.model_errors import AnsweredBy, AttemptFailed
from framework.agent.models.thoughts import without_retracted
from framework.agent.own_tools import HAND_OVER, OFFER_PERSON
from framework.agent.prompt.marks import strip_message_tags, strip_message_tags_so_far
from framework.agent.turn_events import TextPiece

_SILENT = frozenset({OFFER_PERSON, HAND_OVER})
"""Tools that end the turn: nobody need see them at work."""


@dataclass
class Transcript:
    """Reads one turn. After the end it knows the last message, what tools returned, and what it cost.

    Events can only add text. When an answer breaks off and is begun again, what was already handed out stays, and more
    follows as soon as the new text goes on from there; a new text that differs comes with the final answer, which
    replaces what was streamed.
    """

    clock: Callable[[], float]
    first_text_at: float | None = None
    last: BaseMessage | None = None
    results: list[ToolMessage] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    model: str = ""
    spent: bool = False
    texts: list[str] = field(default_factory=list)
    _handed_out: str = ""
    _attempt: str = ""

    def read(self, event: object) -> Iterator[AgentEvent]:
        """Take in one of the turn's events, or an update of LangGraph's stream."""
        if isinstance(event, TextPiece):
            yield from self._text(event.text)
        elif isinstance(event, AttemptFailed):
            self._attempt = ""
        elif isinstance(event, AnsweredBy):
            self.model = event.label
        elif isinstance(event, BudgetSpent):
            self.spent = True
        elif isinstance(event, ApprovalRequested):
            yield event
        elif isinstance(event, Mapping):
            for message in _messages(event):
                yield from self._message(message)

    def _text(self, text: str) -> Iterator[AgentEvent]:
        self._attempt = without_retracted(self._attempt + text)
        shown = strip_message_tags_so_far(self._attempt)
        if shown.startswith(self._handed_out) and len(shown) > len(self._handed_out):
            more = shown[len(self._handed_out) :]
            self._handed_out = shown
            if self.first_text_at is None:
                self.first_text_at = self.clock()
            yield TextDelta(more)

    def _message(self, message: BaseMessage) -> Iterator[AgentEvent]:
        self.last = message
        if isinstance(message, AIMessage):
            self._handed_out = self._attempt = ""
            self._count(message)
            if message.text.strip():
                self.texts.append(strip_message_tags(without_retracted(message.text)))
            for call in message.tool_calls:
                if call["name"] not in _SILENT:
                    self.tools.append(call["name"])
                    yield ToolStarted(call["name"])
        elif isinstance(message, ToolMessage):
            self.results.append(message)
            if isinstance(message.artifact, HandoverRequested):
                yield message.artifact
            if message.name not in _SILENT:
                yield ToolFinished(message.name or "", ok=message.status != "error")

    def _count(self, message: AIMessage) -> None:
        usage = message.usage_metadata
        if usage is not None:
            self.input_tokens = (self.input_tokens or 0) + usage["input_tokens"]
            self.output_tokens = (self.output_tokens or 0) + usage["output_tokens"]


def _messages(updates: Mapping[str, Any]) -> Iterator[BaseMessage]:
    """The messages that steps of the graph added."""
    for node, update in updates.items():
        if node not in {"model", "tools"}:
            continue
        for part in update if isinstance(update, list) else [update]:
            for message in (part or {}).get("messages", ()):
                if isinstance(message, BaseMessage):
                    yield message
