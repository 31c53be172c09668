"""A tool call between the model and the tool: its place in the turn, its key, and answers in its stead."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import structlog
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool

from framework.agent.turn import CustomerNotice, TurnContext

if TYPE_CHECKING:
    from langchain.agents.middleware import ToolCallRequest
    from langchain.tools import ToolRuntime
    from langgraph.types import Command

    from framework.definition.parts.phrases import PhraseTexts

    Result = ToolMessage | Command[Any]
    Run = Callable[[ToolCallRequest], Awaitable[Result]]

_log = structlog.get_logger(__name__)

UNCERTAIN = (
    "The bot was interrupted in the middle of {name}: whether it was done is not known, and it was not done again. "
    "Tell the customer so plainly, and that a person has to check; do not claim either, and do not call it again."
)
NOT_ALLOWED = "{name} may not be called for this person. Say that you cannot do it for them."
TOO_OFTEN = "{name} was called too often for this person. It may be called again in {seconds:.0f} seconds."
WAITS = (
    "{name} was not run: a person of the team has to approve it first, and was asked (number {id}). Tell the customer "
    "that it waits for the team's approval and that you report what comes of it. Do not call it again."
)
DENIED = "{name} was not run: the team did not approve it. Tell the customer so."


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool, and its place among all calls of the turn, from 1."""

    request: ToolCallRequest
    tool: BaseTool
    place: int
    phrases: PhraseTexts

    @property
    def name(self) -> str:
        """The name under which the model calls the tool."""
        return self.tool.name

    @property
    def arguments(self) -> dict[str, Any]:
        """The model's arguments."""
        return dict(self.request.tool_call["args"])

    @property
    def step(self) -> str:
        """The name under which the result is kept for a later try: the same call has the same name."""
        written = json.dumps(self.arguments, sort_keys=True, ensure_ascii=False, default=str)
        return f"tool:{self.place}:{self.name}:{hashlib.sha256(written.encode()).hexdigest()[:16]}"

    @property
    def context(self) -> TurnContext:
        """For whom and where the tool works."""
        return context_of(self.request)

    def answer(self, text: str, *, ok: bool = False, said: str = "") -> ToolMessage:
        """Return a result in our words. `said`: the same for a customer."""
        said = said.replace("{tool}", self.name)
        return ToolMessage(
            content=text,
            tool_call_id=self.request.tool_call["id"],
            name=self.name,
            status="success" if ok else "error",
            artifact=CustomerNotice(said) if said else None,
        )


def context_of(request: ToolCallRequest) -> TurnContext:
    """Return the turn of a call."""
    return cast("TurnContext", request.runtime.context)


def with_context(request: ToolCallRequest, context: TurnContext) -> ToolCallRequest:
    """Return the same call with another context."""
    runtime = cast("ToolRuntime[TurnContext, Any]", request.runtime)
    return replace(request, runtime=cast("Any", replace(runtime, context=context)))


def unreadable(request: ToolCallRequest, written: str) -> ToolMessage:
    """Return what the model is told of arguments that are not a JSON object. The tool was not run."""
    name = request.tool_call["name"]
    _log.warning("tool.arguments_unreadable", tool=name, characters=len(written))
    return ToolMessage(
        content=f"{name} was not run: its arguments are not a JSON object. Call it again with valid JSON.",
        tool_call_id=request.tool_call["id"],
        name=name,
        status="error",
    )


def denied(call: ToolCall) -> ToolMessage:
    """Return the result of a call that the team did not approve."""
    return call.answer(DENIED.format(name=call.name), said=call.phrases.approval_denied)


def place_of(request: ToolCallRequest) -> int:
    """Return which call of the turn it is, from 1, in the order of the model's words. Some servers give the calls of
    each answer the same ids, so only the last answer is looked through.
    """
    answers = [message.tool_calls for message in request.state["messages"] if isinstance(message, AIMessage)]
    last = [call["id"] for call in answers[-1]] if answers else []
    own = request.tool_call["id"]
    return sum(map(len, answers[:-1])) + (last.index(own) if own in last else len(last)) + 1


def kept_result(result: Result) -> dict[str, Any]:
    """Return a result as the JSON that is kept."""
    if isinstance(result, ToolMessage):
        doubt = {"uncertain": True} if is_uncertain(result) else {}
        return {"content": result.text, "ok": result.status != "error", **doubt}
    return {"content": "It was done.", "ok": True}


def is_uncertain(result: ToolMessage) -> bool:
    """Return whether nobody knows if the call was done."""
    return isinstance(result.artifact, CustomerNotice) and result.artifact.uncertain
