"""Between the model and the tools: who may have what called, what a person approves first, and nothing written twice.

LangChain's own middleware for people in the loop keeps a paused graph in a checkpointer of its own; here a call that
waits is kept in the store of approvals and the turn goes on, because a turn must end for the channel's next one to
begin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from langchain.agents.middleware import AgentMiddleware, AgentState, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool

from framework.agent.conversation import ApprovalRequested
from framework.agent.middleware.tool_call import (
    NOT_ALLOWED,
    TOO_OFTEN,
    UNCERTAIN,
    WAITS,
    ToolCall,
    context_of,
    denied,
    is_uncertain,
    kept_result,
    place_of,
    unreadable,
    with_context,
)
from framework.agent.models.calls import broken_arguments
from framework.agent.own_tools import SEARCH
from framework.agent.prompt.messages import result_block
from framework.agent.turn import CustomerNotice, TurnContext
from framework.errors import ToolError
from framework.tools.approval.judgement import shown_arguments
from framework.tools.rate import DAY, MINUTE
from framework.tools.rules import declared_name

if TYPE_CHECKING:
    from langchain.agents.middleware import ModelRequest, ToolCallRequest

    from framework.agent.middleware.tool_call import Result, Run
    from framework.definition.parts.tools import ToolRule
    from framework.tools.approval.tool_calls import ToolApprovals
    from framework.tools.rate import CallLimits
    from framework.tools.rules import ToolRules

_log = structlog.get_logger(__name__)


class ToolPolicyMiddleware(AgentMiddleware[AgentState[Any], TurnContext, Any]):
    """Stands outside everything else that wraps calls of models and tools."""

    def __init__(
        self,
        rules: ToolRules,
        limits: CallLimits,
        approvals: ToolApprovals | None,
        *,
        mask: Callable[[str], str],
        mark: bool,
    ) -> None:
        """`mark`: what tools return is marked as data for the model, and masked."""
        super().__init__()
        self._rules = rules
        self._limits = limits
        self._approvals = approvals
        self._mask = mask
        self._mark = mark

    async def awrap_model_call(
        self,
        request: ModelRequest[TurnContext],
        handler: Callable[[ModelRequest[TurnContext]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Ask the model with the tools that this person may have called, or answer as it did in an earlier try."""
        context = request.runtime.context
        journal = context.journal
        if (message := journal.recorded(journal.next_call())) is not None:
            return ModelResponse(result=[message])
        offered: list[BaseTool | dict[str, Any]] = [
            tool
            for tool in (*request.tools, *journal.tools)
            if not journal.toolless and (not isinstance(tool, BaseTool) or self._rules.permits(tool, context))
        ]
        messages = request.messages
        if self._mark:
            messages = [self._marked(message, journal.mark) for message in messages]
        response = await handler(request.override(tools=offered, messages=messages))
        last = response.result[-1]
        if isinstance(last, AIMessage):
            tools = {tool.name: tool for tool in offered if isinstance(tool, BaseTool)}
            writes = any(call["name"] in tools and self._rules.writes(tools[call["name"]]) for call in last.tool_calls)
            await journal.note(last, writes=writes)
        return response

    async def awrap_tool_call(self, request: ToolCallRequest, handler: Run) -> Result:
        """Run a call, or say why it was not run."""
        name = request.tool_call["name"]
        context = context_of(request)
        journal = context.journal
        tool = request.tool or next((tool for tool in journal.tools if tool.name == name), None)
        if tool is None:
            return await handler(request)  # LangGraph tells the model that there is no such tool.
        if (written := broken_arguments(request.tool_call["args"])) is not None:
            return unreadable(request, written)
        place = place_of(request)
        key = f"{context.key}:{place}" if context.key else ""
        call = ToolCall(
            with_context(replace(request, tool=tool), replace(context, key=key)), tool, place, journal.phrases
        )
        if journal.toolless:
            _log.info("tool.not_allowed", tool=call.name, why="this turn may call none")
            return call.answer(NOT_ALLOWED.format(name=call.name), said=call.phrases.not_allowed)
        if not self._rules.governs(tool):
            return await handler(call.request)
        if journal.approved and journal.decided is not None and place == 1:
            return await self._approved(call, journal.approved, handler)
        recorded = self._recorded(call)
        return recorded if recorded is not None else await self._new(call, handler)

    async def _new(self, call: ToolCall, handler: Run) -> Result:
        """A call that no earlier try began."""
        rule, context = self._rules.of(call.tool), call.context
        if not self._rules.permits(call.tool, context):
            _log.info("tool.not_allowed", tool=call.name, user=context.user_id)
            return call.answer(NOT_ALLOWED.format(name=call.name), said=call.phrases.not_allowed)
        reserved = await self._reserve(call)
        if reserved is None:
            return await self._ask(call)
        too_often = await self._too_often(call, rule)
        result = await self._run(call, handler) if too_often is None else too_often
        if isinstance(result, ToolMessage) and result.status == "error" and not is_uncertain(result):
            await self._release(reserved)
        return result

    async def _too_often(self, call: ToolCall, rule: ToolRule) -> ToolMessage | None:
        """Count the call, or say that there were too many for this person."""
        context = call.context
        for limit, window in ((rule.per_day, DAY), (rule.per_minute, MINUTE)):
            if limit is None:
                continue
            seconds = await self._limits.take(declared_name(call.tool), context.user_id, context.key, limit, window)
            if seconds:
                return call.answer(
                    TOO_OFTEN.format(name=call.name, seconds=max(1.0, seconds)), said=call.phrases.too_often
                )
        return None

    async def _reserve(self, call: ToolCall) -> str | None:
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

    async def _count(self, call: ToolCall, key: str) -> None:
        """Count a call that was approved: it takes its part of the sums as well."""
        if self._approvals is not None:
            amounts = self._rules.judge(call.tool, call.arguments, call.context).amounts
            payer = self._approvals.payer(declared_name(call.tool), call.context.user_id)
            await self._approvals.sums.count(payer, key, amounts)

    async def _run(self, call: ToolCall, handler: Run) -> Result:
        steps = call.context.journal.steps
        if not self._rules.writes(call.tool):
            return await handler(call.request)
        if steps is None:
            return self._doubted(call, await handler(call.request))
        await steps.save(f"{call.step}:started", {"at": call.context.now().isoformat(timespec="seconds")})
        result = await handler(call.request)
        await steps.save(call.step, kept_result(result))
        return self._doubted(call, result)

    def _doubted(self, call: ToolCall, result: Result) -> Result:
        """A result, noted where it says that nobody knows what was done."""
        if (
            isinstance(result, ToolMessage)
            and isinstance(result.artifact, CustomerNotice)
            and result.artifact.uncertain
        ):
            said = CustomerNotice(call.phrases.uncertain.replace("{tool}", call.name), uncertain=True)
            call.context.journal.uncertain.append(call.name)
            return result.model_copy(update={"artifact": said})
        return result

    def _recorded(self, call: ToolCall) -> ToolMessage | None:
        """What an earlier try at the turn knows of this call."""
        steps = call.context.journal.steps
        if steps is None:
            return None
        if (kept := steps.saved(call.step)) is not None:
            _log.info("tool.finished_earlier", tool=call.name, key=call.context.key)
            doubt = call.phrases.uncertain if kept.get("uncertain") else ""
            if doubt:
                call.context.journal.uncertain.append(call.name)
            return call.answer(kept["content"], ok=kept["ok"], said=doubt)
        return self._uncertain(call) if steps.saved(f"{call.step}:started") is not None else None

    def _uncertain(self, call: ToolCall) -> ToolMessage:
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
        context.journal.uncertain.append(call.name)
        return call.answer(UNCERTAIN.format(name=call.name), said=call.phrases.uncertain)

    async def _ask(self, call: ToolCall) -> ToolMessage:
        if self._approvals is None:
            return call.answer(
                f"{call.name} needs a person's approval, and nobody can be asked here.",
                said=call.phrases.not_allowed,
            )
        shown = shown_arguments(call.tool, call.arguments)
        try:
            pending = await self._approvals.ask(declared_name(call.tool), call.arguments, call.context, judged=shown)
        except ToolError as error:
            return call.answer(f"{call.name} was not run. {error}", said=call.phrases.not_allowed)
        if pending.state == "waiting":
            _log.info("tool.waits_for_approval", audit=True, tool=call.name, number=pending.number)
            summary = "\n".join(pending.request.shown)
            call.context.journal.events.put(ApprovalRequested(pending.id, pending.request.subject, summary))
        return call.answer(
            WAITS.format(name=call.name, id=pending.number),
            ok=True,  # It was dealt with: that it waits is no failure of the bot's.
            said=call.phrases.approval_wanted,
        )

    async def _approved(self, call: ToolCall, id_: str, handler: Run) -> Result:
        """Run the call that the team decided on: once, whoever comes first."""
        if self._approvals is None:
            return denied(call)
        pending = await self._approvals.get(id_)
        claimed = pending.state == "approved" and await self._approvals.claim(
            pending, declared_name(call.tool), call.arguments
        )
        if not claimed:
            pending = await self._approvals.get(id_)
            if pending.result is not None:
                return call.answer(pending.result, ok=True)
            return self._uncertain(call) if pending.state == "running" else denied(call)
        by = pending.decision.by if pending.decision else ""
        _log.info("tool.approved_call_runs", audit=True, tool=call.name, number=pending.number, by=by)
        await self._count(call, id_)
        # The key of the call as it was asked for: a tool that saw it before knows it again.
        result = await handler(with_context(call.request, replace(call.context, key=pending.request.key)))
        await self._approvals.finish(id_, kept_result(result)["content"])
        return self._doubted(call, result)

    def _marked(self, message: AnyMessage, mark: str) -> AnyMessage:
        if not isinstance(message, ToolMessage):
            return message
        # What the company's own articles say is not masked.
        text = message.text if message.name == SEARCH else self._mask(message.text)
        return message.model_copy(update={"content": result_block(message.name or "", text, mark)})
