"""The edge between the agent's loop and the model and tools: failures become ours, endless loops end.

LangChain's own middleware retries, limits and reports; this one stands inside it, at the call itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import structlog
from langchain.agents.middleware import AgentMiddleware, AgentState, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.errors import GraphBubbleUp

from framework.agent.middleware.model_call import ModelCalls
from framework.agent.middleware.outcome import withheld
from framework.agent.models.failure import BrokenAnswerError, ModelSite, explain
from framework.agent.turn import MODEL_CALLS, CustomerNotice, TurnContext
from framework.errors import ToolError, UncertainToolError
from framework.insight import traces

if TYPE_CHECKING:
    from langchain.agents.middleware import ModelRequest, ToolCallRequest
    from langchain_core.language_models import BaseChatModel
    from langgraph.types import Command

    from framework.tools.rules import ToolRules

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AttemptFailed:
    """Told when an answer broke off and may be begun again."""


@dataclass(frozen=True)
class AnsweredBy:
    """Told when another model than the bot's first one answered."""

    label: str


class ModelErrorMiddleware(AgentMiddleware[AgentState[Any], TurnContext, Any]):
    """Calls the model, turns what its library raises into ModelError, what a tool takes too long for into ToolError,
    and takes the tools away from the last call that a turn may make. Stands inside all other middleware: the call of
    `create_agent` itself is not made.
    """

    def __init__(
        self, sites: Sequence[tuple[BaseChatModel, ModelSite]], rules: ToolRules, *, tool_seconds: float
    ) -> None:
        """`sites`: the bot's model and those to fall back on. `tool_seconds`: for tools whose rule gives no time."""
        super().__init__()
        self._sites = {id(model): site for model, site in sites}
        self._first = sites[0][1]
        self._rules = rules
        self._tool_seconds = tool_seconds
        self._calls = ModelCalls()

    async def awrap_model_call(
        self,
        request: ModelRequest[TurnContext],
        handler: Callable[[ModelRequest[TurnContext]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model once, unless it is down."""
        site = self._sites.get(id(request.model), self._first)
        with site.guarded():
            return ModelResponse(result=[await self._call(request, site)])

    async def _call(self, request: ModelRequest[TurnContext], site: ModelSite) -> AIMessage:
        started, journal = False, request.runtime.context.journal
        traced: traces.ModelCall | None = None

        def began() -> None:
            nonlocal started
            started = True
            if traced is not None:
                traced.first_chunk()

        if journal.model_calls >= MODEL_CALLS:
            request = request.override(tools=[])
        try:
            with traces.model_call(*_provider_and_model(site), time.monotonic) as traced:
                message = await self._calls.ask(request, journal.events.say, began)
                if traced is not None:
                    _tell(traced, request, message)
            _ensure_whole(message, site, said=_said_something(request))
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 - every provider raises its own; explain() sorts them
            failure = explain(error, site, started=started)
            _log.warning("model.failed", error=failure.what, kind=type(error).__name__, retryable=failure.retryable)
            if isinstance(failure, BrokenAnswerError):
                journal.events.put(AttemptFailed())
            # Not chained: the original may repeat a key.
            raise failure from None
        if site is not self._first:
            journal.events.put(AnsweredBy(site.label))
        return message

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Call a tool, but do not wait for ever."""
        tool = request.tool
        rule = self._rules.of(tool) if tool is not None and self._rules.governs(tool) else None
        given = rule is not None and "timeout" in rule.model_fields_set
        seconds = rule.timeout.total_seconds() if rule is not None and given else self._tool_seconds
        writes = tool is not None and self._rules.writes(tool)
        try:
            with traces.tool_call(str(request.tool_call["name"]), str(request.tool_call["id"] or "")) as span:
                async with asyncio.timeout(seconds):
                    result = await handler(request)
                if isinstance(result, ToolMessage) and result.status == "error":
                    span.fail("tool_error")
                return result
        except TimeoutError:
            late = f"It did not finish within {seconds:g} seconds."
            if not writes:
                raise ToolError(late) from None
            return _doubtful(UncertainToolError(f"{late} Whether it was done is not known."), request)
        except UncertainToolError as error:
            if not writes:
                raise
            return _doubtful(error, request)


def _provider_and_model(site: ModelSite) -> tuple[str, str]:
    provider, _, model = site.label.partition(":")
    return provider, model or provider


def _tell(traced: traces.ModelCall, request: ModelRequest[TurnContext], message: AIMessage) -> None:
    """Tell a trace what came back; words only if it may have them."""
    known = message.response_metadata
    model, finish = str(known.get("model_name") or ""), str(known.get("finish_reason") or "")
    usage: Mapping[str, Any] = dict(message.usage_metadata or {})
    traced.answered({name: count for name, count in usage.items() if isinstance(count, int)}, model, finish)
    if traces.with_texts():
        asked = [request.system_message, *request.messages] if request.system_message else request.messages
        traced.said(_as_json(asked), _as_json([message]))


def _as_json(messages: Sequence[BaseMessage]) -> str:
    """Messages in the form of the conventions: a role and its parts."""
    roles = {"human": "user", "ai": "assistant"}
    shown = [
        {"role": roles.get(one.type, one.type), "parts": [{"type": "text", "content": one.text}]} for one in messages
    ]
    return json.dumps(shown, ensure_ascii=False)


def _doubtful(error: UncertainToolError, request: ToolCallRequest) -> ToolMessage:
    """A result that says so to whoever tells the customer."""
    _log.warning("tool.uncertain", audit=True, tool=request.tool_call["name"])
    return ToolMessage(
        content=explain_tool_error(error, request),
        tool_call_id=request.tool_call["id"],
        name=request.tool_call["name"],
        status="error",
        artifact=CustomerNotice("", uncertain=True),
    )


def _said_something(request: ModelRequest[TurnContext]) -> bool:
    """Whether the model said something beside its tool calls of this turn: then nothing more need follow."""
    turn = reversed(request.messages)
    own = takewhile(lambda message: isinstance(message, (AIMessage, ToolMessage)), turn)
    return any(isinstance(message, AIMessage) and message.tool_calls and message.text.strip() for message in own)


def _ensure_whole(message: AIMessage, site: ModelSite, *, said: bool) -> None:
    """A server may close in good order before the answer ends: then the reason to stop is missing. `said`: an empty
    answer is the end of a turn in which the model has spoken.
    """
    told = message.response_metadata
    ended = told.get("finish_reason") or told.get("status") or told.get("model_provider") != "openai"
    # The arguments of a call that was cut short may still read as JSON: such a call must not be made.
    if not ended or (message.tool_calls and told.get("finish_reason") == "length"):
        raise BrokenAnswerError(f"{site.place} broke off in the middle of an answer.", retryable=True)
    something = said or message.text.strip() or message.tool_calls or message.invalid_tool_calls
    if not something and withheld(message) is None:
        raise BrokenAnswerError(
            f"{site.place} sent an empty answer.",
            retryable=True,
            hint="If it happens again, choose another model: some do not get along with tools.",
        )


def explain_tool_error(error: Exception, request: ToolCallRequest) -> str:
    """What the model is told of a tool that failed. Only a ToolError's own words are meant to be read."""
    name = request.tool_call["name"]
    if isinstance(error, ToolError):
        _log.info("tool.refused", tool=name, error=error.what)
        return f"{name} could not do it: {error.what}"
    _log.error("tool.failed", tool=name, exc_info=error)
    return f"{name} failed because of a technical problem. Say that it did not work; do not claim that it did."
