"""One turn as the agent's middleware sees it: for whom, and what earlier tries at it left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage, messages_from_dict, messages_to_dict
from pydantic import TypeAdapter

from framework.agent.conversation import (
    Answer,
    ApprovalRequested,
    HandoverRequested,
    Steps,
)
from framework.agent.turn_events import TurnEvents
from framework.definition.parts.phrases import PhraseTexts
from framework.tools.context import ToolContext
from framework.tools.rules import declared_name

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from framework.approvals import Approval

MODEL_CALLS = 8
"""Calls of the model in one turn. The last one gets no tools, so that it has to answer."""

ANSWER = "answer"
"""The step that holds the finished answer."""

Aside = HandoverRequested | ApprovalRequested
"""Events beside the text, which a replayed answer must bring again."""


@dataclass(frozen=True)
class CustomerNotice:
    """Beside a refused call's words for the model: what a customer can be told of it as it is. `uncertain`: nobody
    knows whether the call was done.
    """

    text: str
    uncertain: bool = False


class EndlessToolCallsError(Exception):
    """The model kept calling tools until it may not be called any more in this turn."""


@dataclass
class TurnJournal:
    """What happened so far in a turn. Not shared between turns.

    `decided` is a model's call that is not asked for, because the team decided on it before; it stands for the model's
    first answer. `approved` is its id in the store of approvals. `mark` stands in the names of the turn's elements.
    `toolless`: no tool may be called.
    """

    steps: Steps | None = None
    decided: AIMessage | None = None
    approved: str = ""
    tools: tuple[BaseTool, ...] = ()
    toolless: bool = False
    uncertain: list[str] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    mark: str = ""
    phrases: PhraseTexts = field(default_factory=PhraseTexts)
    events: TurnEvents = field(default_factory=TurnEvents)
    model_calls: int = 0
    _made: list[AIMessage] = field(default_factory=list)
    _saved: int = 0

    def next_call(self) -> int:
        """Count a call of the model; return its place in the turn, from 0. Raises EndlessToolCallsError."""
        if self.model_calls >= MODEL_CALLS:
            raise EndlessToolCallsError
        self.model_calls += 1
        return self.model_calls - 1

    def recorded(self, number: int) -> AIMessage | None:
        """What the model answered when it was called for the nth time (from 0) in an earlier try, where that led to a
        call that writes: asking it again could lead to another call.
        """
        if self.steps is not None and (kept := self.steps.saved(_model_step(number))) is not None:
            message = messages_from_dict([kept])[0]
            if isinstance(message, AIMessage):
                self._made.append(message)
                self._saved = len(self._made)
                return message
        if number == 0 and self.decided is not None:
            self._made.append(self.decided)
            return self.decided
        return None

    async def note(self, message: AIMessage, *, writes: bool) -> None:
        """Remember what the model answered; keep it, and what came before it, where it leads to a call that writes."""
        self._made.append(message)
        if self.steps is None or not writes:
            return
        for number in range(self._saved, len(self._made)):
            kept = messages_to_dict([self._made[number]])[0]
            await self.steps.save(_model_step(number), json.loads(json.dumps(kept, default=str)))
        self._saved = len(self._made)


@dataclass(frozen=True)
class TurnContext(ToolContext):
    """What tools are told, and the turn's journal beside it, which is not for them."""

    journal: TurnJournal = field(default_factory=TurnJournal, repr=False, compare=False)


def _model_step(number: int) -> str:
    return f"model:{number}"


NamedAside = tuple[Literal["handover"], HandoverRequested] | tuple[Literal["approval"], ApprovalRequested]


@dataclass(frozen=True)
class KeptAnswer:
    """A finished answer as it is kept, with the events beside it, each under the name of its kind."""

    answer: Answer
    events: tuple[NamedAside, ...] = ()


_KEPT = TypeAdapter(KeptAnswer)


def _named(event: Aside) -> NamedAside:
    return ("handover", event) if isinstance(event, HandoverRequested) else ("approval", event)


def keep_answer(answer: Answer, events: Sequence[Aside]) -> dict[str, Any]:
    """Return a finished answer as JSON."""
    kept: dict[str, Any] = _KEPT.dump_python(KeptAnswer(answer, tuple(map(_named, events))), mode="json")
    return kept


def kept_answer(value: dict[str, Any]) -> tuple[Answer, tuple[Aside, ...]]:
    """Return an answer from its JSON, with the events beside it. Fields that a newer release added are left out."""
    kept = _KEPT.validate_python(value)
    return kept.answer, tuple(event for _, event in kept.events)


def decided_call(decided: Approval, tools: Sequence[BaseTool]) -> AIMessage:
    """The call that the team decided on, as the model made it."""
    name = next(
        (tool.name for tool in tools if declared_name(tool) == decided.request.subject), decided.request.subject
    )
    call = {"name": name, "args": dict(decided.content), "id": f"decided_{decided.id}", "type": "tool_call"}
    return AIMessage(content="", tool_calls=[call])


def scheduled_call(run: Mapping[str, Any], tools: Sequence[BaseTool]) -> AIMessage:
    """The call of a tool by a schedule, as a model makes one."""
    wanted = str(run["tool"])
    name = next((tool.name for tool in tools if declared_name(tool) == wanted), wanted)
    call = {"name": name, "args": dict(run.get("arguments") or {}), "id": "scheduled", "type": "tool_call"}
    return AIMessage(content="", tool_calls=[call])


def decided_task(decided: Approval) -> str:
    """What the bot is to do once the team decided."""
    word = "did not approve" if decided.state in {"denied", "expired"} else "approved"
    tool = decided.request.subject
    return (
        f"Earlier you wanted to call the tool {tool}, which needs the team's approval. The team {word} "
        "that call. Its result follows. Tell the customer in one or two sentences what came of it; do not call it "
        "again."
    )
