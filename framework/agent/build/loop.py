"""The agent's loop: LangChain's agent with the middleware that stands around its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    ToolErrorMiddleware,
)

from framework.agent.middleware.budget import TurnBudget
from framework.agent.middleware.model_errors import ModelErrorMiddleware, explain_tool_error
from framework.agent.middleware.tool_policy import ToolPolicyMiddleware
from framework.agent.models.failure import BrokenAnswerError
from framework.agent.own_tools import BUILT_IN, handover_tool, offer_person
from framework.agent.promise_tools import promise_tools
from framework.agent.prompt.messages import system_text
from framework.agent.turn import TurnContext
from framework.budget.usage import MemoryUsageBook
from framework.errors import Position
from framework.tools.rate import CallLimits
from framework.tools.rules import ToolRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.tools import BaseTool
    from langgraph.graph.state import CompiledStateGraph

    from framework.agent.build.dependencies import AgentDependencies


def build_loop(parts: AgentDependencies, mask: Callable[[str], str]) -> CompiledStateGraph[Any, TurnContext, Any, Any]:
    """The graph that answers turns. `mask` keeps personal data in tools' results from the model."""
    prompt, definition = parts.bot.system_prompt, parts.bot.definition
    return create_agent(
        parts.model,
        tools=[*parts.tools, *_own_tools(parts)],
        system_prompt=prompt if parts.embedded else system_text(prompt, with_articles=parts.library is not None),
        context_schema=TurnContext,
        middleware=_middleware(parts, ToolRules(definition.tools, free=BUILT_IN, where=_place(parts)), mask),
    )


def _limits(parts: AgentDependencies) -> CallLimits:
    """Limits that this process alone counts, for an agent without a database."""
    return CallLimits(parts.bot.name, MemoryUsageBook(), parts.now)


def _place(parts: AgentDependencies) -> Position:
    return Position(parts.bot.folder / "bot.yaml")


def _own_tools(parts: AgentDependencies) -> list[BaseTool]:
    """What every agent on a language model has."""
    if parts.embedded:
        return []
    definition = parts.bot.definition
    handover = definition.handover
    phrases = definition.phrases.spoken(definition.identity.language)
    hand_over = [handover_tool(phrases.handover)] if handover.enabled and handover.tool else []
    promises = promise_tools(definition.promises) if definition.promises.enabled else ()
    return [offer_person, *hand_over, *promises]


def _middleware(parts: AgentDependencies, rules: ToolRules, mask: Callable[[str], str]) -> list[Any]:
    """From the outside in."""
    definition = parts.bot.definition
    budget = definition.budget
    limits = parts.limits or _limits(parts)
    limited = budget.turn.tokens is not None or budget.turn.money is not None
    return [
        *([TurnBudget(budget.turn, budget.price)] if limited else []),
        ToolPolicyMiddleware(rules, limits, parts.approvals, mask=mask, mark=not parts.embedded),
        ToolErrorMiddleware(explain_tool_error),
        *([ModelFallbackMiddleware(*(model for model, _ in parts.fallbacks))] if parts.fallbacks else []),
        ModelRetryMiddleware(
            max_retries=definition.model.retries,
            retry_on=lambda error: isinstance(error, BrokenAnswerError) and error.retryable,
            on_failure="error",
            initial_delay=parts.backoff,
            max_delay=8.0,
        ),
        ModelErrorMiddleware(
            [(parts.model, parts.site), *parts.fallbacks],
            rules,
            tool_seconds=parts.tool_seconds,
        ),
    ]
