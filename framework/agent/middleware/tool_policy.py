"""Between the model and the tools: who may have what called, what a person approves first, and nothing written twice.

LangChain's own middleware for people in the loop keeps a paused graph in a checkpointer of its own; here a call that
waits is kept in the store of approvals and the turn goes on, because a turn must end for the channel's next one to
begin.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import structlog
from langchain.agents.middleware import AgentMiddleware, AgentState, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool

from framework.agent.builtin import SEARCH
from framework.agent.conversation import ApprovalRequested
from framework.agent.models.arguments import broken_arguments
from framework.agent.prompt.messages import result_block
from framework.agent.turn import Said, TurnContext
from framework.errors import ToolError
from framework.tools.approval.judgement import shown_arguments
from framework.tools.rate import DAY, MINUTE
from framework.tools.rules import declared_name

if TYPE_CHECKING:
    from langchain.agents.middleware import ModelRequest, ToolCallRequest
    from langchain.tools import ToolRuntime
    from langgraph.types import Command

    from framework.definition.parts.phrases import Phrases
    from framework.definition.parts.tools import ToolRule
    from framework.tools.approval.tool_calls import ToolApprovals
    from framework.tools.rate import CallLimits
    from framework.tools.rules import ToolRules

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
class _Call:
    """A call, and its place among all calls of the turn, from 1."""

    request: ToolCallRequest
    tool: BaseTool
    place: int
    phrases: Phrases

    @property
    def name(self) -> str:
        return self.tool.name

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.request.tool_call["args"])

    @property
    def step(self) -> str:
        written = json.dumps(self.arguments, sort_keys=True, ensure_ascii=False, default=str)
        return f"tool:{self.place}:{self.name}:{hashlib.sha256(written.encode()).hexdigest()[:16]}"

    @property
    def context(self) -> TurnContext:
        return _context(self.request)

    def answer(self, text: str, *, ok: bool = False, said: str = "") -> ToolMessage:
        """The call's result, in our words; `said`: the same for a customer."""
        said = said.replace("{tool}", self.name)
        return ToolMessage(
            content=text,
            tool_call_id=self.request.tool_call["id"],
            name=self.name,
            status="success" if ok else "error",
            artifact=Said(said) if said else None,
        )


class ToolPolicyMiddleware(AgentMiddleware[AgentState[Any], TurnContext, Any]):
    """Stands outside everything else that wraps calls of models and tools."""

    def __init__(
        self,
        rules: ToolRules,
        limits: CallLimits,
        approvals: ToolApprovals | None,
        phrases: Phrases,
        *,
        mask: Callable[[str], str],
        mark: bool,
    ) -> None:
        """`mark`: what tools return is marked as data for the model, and masked."""
        super().__init__()
        self._rules = rules
        self._limits = limits
        self._approvals = approvals
        self._phrases = phrases
        self._mask = mask
        self._mark = mark

    async def awrap_model_call(
        self,
        request: ModelRequest[TurnContext],
        handler: Callable[[ModelRequest[TurnContext]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Ask the model with the tools that this person may have called, or answer as it did in an earlier try."""
        context = request.runtime.context
        ledger = context.ledger
        asked = request.state.get("run_model_call_count", 0)
        if (message := ledger.recorded(asked if isinstance(asked, int) else 0)) is not None:
            return ModelResponse(result=[message])
        offered: list[BaseTool | dict[str, Any]] = [
            tool
            for tool in (*request.tools, *ledger.tools)
            if not isinstance(tool, BaseTool) or self._rules.permits(tool, context)
        ]
        messages = request.messages
        if self._mark:
            messages = [self._marked(message, ledger.mark) for message in messages]
        response = await handler(request.override(tools=offered, messages=messages))
        last = response.result[-1]
        if isinstance(last, AIMessage):
            tools = {tool.name: tool for tool in offered if isinstance(tool, BaseTool)}
            writes = any(call["name"] in tools and self._rules.writes(tools[call["name"]]) for call in last.tool_calls)
            await ledger.note(last, writes=writes)
        return response

    async def awrap_tool_call(self, request: ToolCallRequest, handler: Run) -> Result:
        """Run a call, or say why it was not run."""
        name = request.tool_call["name"]
        context = _context(request)
        ledger = context.ledger
        tool = request.tool or next((tool for tool in ledger.tools if tool.name == name), None)
        if tool is None:
            return await handler(request)  # LangGraph tells the model that there is no such tool.
        if (written := broken_arguments(request.tool_call["args"])) is not None:
            return _unreadable(request, written)
        place = _place(request)
        key = f"{context.key}:{place}" if context.key else ""
        call = _Call(_for(replace(request, tool=tool), replace(context, key=key)), tool, place, self._phrases)
        if not self._rules.governs(tool):
            return await handler(call.request)
        if ledger.approved and ledger.decided is not None and place == 1:
            return await self._approved(call, ledger.approved, handler)
        recorded = self._recorded(call)
        return recorded if recorded is not None else await self._new(call, handler)

    async def _new(self, call: _Call, handler: Run) -> Result:
        """A call that no earlier try began."""
        rule, context = self._rules.of(call.tool), call.context
        if not self._rules.permits(call.tool, context):
            _log.info("tool.not_allowed", tool=call.name, user=context.user_id)
            return call.answer(NOT_ALLOWED.format(name=call.name), said=self._phrases.not_allowed)
        reserved = await self._reserve(call)
        if reserved is None:
            return await self._ask(call)
        too_often = await self._too_often(call, rule)
        result = await self._run(call, handler) if too_often is None else too_often
        if isinstance(result, ToolMessage) and result.status == "error" and not _is_uncertain(result):
            await self._release(reserved)
        return result

    async def _too_often(self, call: _Call, rule: ToolRule) -> ToolMessage | None:
        """Count the call, or say that there were too many for this person."""
        context = call.context
        for limit, window in ((rule.per_day, DAY), (rule.per_minute, MINUTE)):
            if limit is None:
                continue
            seconds = await self._limits.take(declared_name(call.tool), context.user_id, context.key, limit, window)
            if seconds:
                return call.answer(
                    TOO_OFTEN.format(name=call.name, seconds=max(1.0, seconds)), said=self._phrases.too_often
                )
        return None

    async def _reserve(self, call: _Call) -> str | None:
        """Count a call that needs nobody's approval, where it is counted; None where a person has to be asked."""
        judgement = self._rules.judge(call.tool, call.arguments, call.context)
        if judgement.asks:
            return None
        if not judgement.amounts:
            return ""
        if self._approvals is None:
            return None
        payer = self._approvals.payer(declared_name(call.tool), call.context.user_id)
        return await self._approvals.sums.reserve(payer, call.context.key, judgement.amounts, judgement.asks_with)

    async def _release(self, reserved: str) -> None:
        if reserved and self._approvals is not None:
            await self._approvals.sums.release(reserved)

    async def _count(self, call: _Call, key: str) -> None:
        """Count a call that was approved: it takes its part of the sums as well."""
        if self._approvals is not None:
            amounts = self._rules.judge(call.tool, call.arguments, call.context).amounts
            payer = self._approvals.payer(declared_name(call.tool), call.context.user_id)
            await self._approvals.sums.count(payer, key, amounts)

    async def _run(self, call: _Call, handler: Run) -> Result:
        steps = call.context.ledger.steps
        if not self._rules.writes(call.tool):
            return await handler(call.request)
        if steps is None:
            return self._doubted(call, await handler(call.request))
        await steps.save(f"{call.step}:started", {"at": call.context.now().isoformat(timespec="seconds")})
        result = await handler(call.request)
        await steps.save(call.step, _kept(result))
        return self._doubted(call, result)

    def _doubted(self, call: _Call, result: Result) -> Result:
        """A result, noted where it says that nobody knows what was done."""
        if isinstance(result, ToolMessage) and isinstance(result.artifact, Said) and result.artifact.uncertain:
            said = Said(self._phrases.uncertain.replace("{tool}", call.name), uncertain=True)
            call.context.ledger.uncertain.append(call.name)
            return result.model_copy(update={"artifact": said})
        return result

    def _recorded(self, call: _Call) -> ToolMessage | None:
        """What an earlier try at the turn knows of this call."""
        steps = call.context.ledger.steps
        if steps is None:
            return None
        if (kept := steps.saved(call.step)) is not None:
            _log.info("tool.finished_earlier", tool=call.name, key=call.context.key)
            doubt = self._phrases.uncertain if kept.get("uncertain") else ""
            if doubt:
                call.context.ledger.uncertain.append(call.name)
            return call.answer(kept["content"], ok=kept["ok"], said=doubt)
        return self._uncertain(call) if steps.saved(f"{call.step}:started") is not None else None

    def _uncertain(self, call: _Call) -> ToolMessage:
        context = call.context
        _log.warning(
            "tool.uncertain",
            reason="an earlier process began it; it is not repeated",
            audit=True,
            tool=call.name,
            user=context.user_id,
            channel=context.channel,
            key=context.key,
        )
        context.ledger.uncertain.append(call.name)
        return call.answer(UNCERTAIN.format(name=call.name), said=self._phrases.uncertain)

    async def _ask(self, call: _Call) -> ToolMessage:
        if self._approvals is None:
            return call.answer(
                f"{call.name} needs a person's approval, and nobody can be asked here.",
                said=self._phrases.not_allowed,
            )
        shown = shown_arguments(call.tool, call.arguments)
        try:
            pending = await self._approvals.ask(declared_name(call.tool), call.arguments, call.context, judged=shown)
        except ToolError as error:
            return call.answer(f"{call.name} was not run. {error}", said=self._phrases.not_allowed)
        if pending.state == "waiting":
            _log.info("tool.waits_for_approval", audit=True, tool=call.name, number=pending.number)
            summary = "\n".join(pending.request.shown)
            call.request.runtime.stream_writer(ApprovalRequested(pending.id, pending.request.subject, summary))
        return call.answer(
            WAITS.format(name=call.name, id=pending.number),
            ok=True,  # It was dealt with: that it waits is no failure of the bot's.
            said=self._phrases.approval_wanted,
        )

    async def _approved(self, call: _Call, id_: str, handler: Run) -> Result:
        """Run the call that the team decided on: once, whoever comes first."""
        if self._approvals is None:
            return _denied(call)
        pending = await self._approvals.get(id_)
        claimed = pending.state == "approved" and await self._approvals.claim(
            pending, declared_name(call.tool), call.arguments
        )
        if not claimed:
            pending = await self._approvals.get(id_)
            if pending.result is not None:
                return call.answer(pending.result, ok=True)
            return self._uncertain(call) if pending.state == "running" else _denied(call)
        by = pending.decision.by if pending.decision else ""
        _log.info("tool.approved_call_runs", audit=True, tool=call.name, number=pending.number, by=by)
        await self._count(call, id_)
        # The key of the call as it was asked for: a tool that saw it before knows it again.
        result = await handler(_for(call.request, replace(call.context, key=pending.request.key)))
        await self._approvals.finish(id_, _kept(result)["content"])
        return self._doubted(call, result)

    def _marked(self, message: AnyMessage, mark: str) -> AnyMessage:
        if not isinstance(message, ToolMessage):
            return message
        # What the company's own articles say is not masked.
        text = message.text if message.name == SEARCH else self._mask(message.text)
        return message.model_copy(update={"content": result_block(message.name or "", text, mark)})


def _context(request: ToolCallRequest) -> TurnContext:
    return cast("TurnContext", request.runtime.context)


def _for(request: ToolCallRequest, context: TurnContext) -> ToolCallRequest:
    """The same call with another context."""
    runtime = cast("ToolRuntime[TurnContext, Any]", request.runtime)
    return replace(request, runtime=cast("Any", replace(runtime, context=context)))


def _unreadable(request: ToolCallRequest, written: str) -> ToolMessage:
    """What the model is told of arguments that are no JSON object. The tool was not run."""
    name = request.tool_call["name"]
    _log.warning("tool.arguments_unreadable", tool=name, characters=len(written))
    return ToolMessage(
        content=f"{name} was not run: its arguments are not a JSON object. Call it again with valid JSON.",
        tool_call_id=request.tool_call["id"],
        name=name,
        status="error",
    )


def _denied(call: _Call) -> ToolMessage:
    return call.answer(DENIED.format(name=call.name), said=call.phrases.approval_denied)


def _place(request: ToolCallRequest) -> int:
    """Which call of the turn it is, from 1, in the order of the model's words. Some servers give the calls of each
    answer the same ids, so only the last answer is looked through.
    """
    answers = [message.tool_calls for message in request.state["messages"] if isinstance(message, AIMessage)]
    last = [call["id"] for call in answers[-1]] if answers else []
    own = request.tool_call["id"]
    return sum(map(len, answers[:-1])) + (last.index(own) if own in last else len(last)) + 1


def _kept(result: Result) -> dict[str, Any]:
    if isinstance(result, ToolMessage):
        doubt = {"uncertain": True} if _is_uncertain(result) else {}
        return {"content": result.text, "ok": result.status != "error", **doubt}
    return {"content": "It was done.", "ok": True}


def _is_uncertain(result: ToolMessage) -> bool:
    return isinstance(result.artifact, Said) and result.artifact.uncertain
