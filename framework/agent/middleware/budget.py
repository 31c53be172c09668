"""What a turn may spend: the loop ends before the call that would come after the limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from langchain.agents.middleware import AgentMiddleware, AgentState, hook_config
from langchain_core.messages import AIMessage

from framework.agent.turn import TurnContext

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from framework.definition.parts.budget import Price, Spending

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BudgetSpent:
    """Told when the turn's budget ended it."""


class TurnBudget(AgentMiddleware[AgentState[Any], TurnContext, Any]):
    """Ends a turn gracefully. LangChain's own limits count calls, not tokens or money."""

    def __init__(self, limit: Spending, price: Price) -> None:
        super().__init__()
        self._limit = limit
        self._price = price

    @hook_config(can_jump_to=["end"])
    async def abefore_model(self, state: AgentState[Any], runtime: Runtime[TurnContext]) -> dict[str, Any] | None:
        """Jump to the end where nothing is left. The first call is always made: what it costs is not known before."""
        journal = runtime.context.journal
        used = [message.usage_metadata for message in state["messages"] if isinstance(message, AIMessage)]
        counted = [usage for usage in used if usage is not None]
        if not counted:
            return None
        tokens_in = journal.input_tokens + sum(usage["input_tokens"] for usage in counted)
        tokens_out = journal.output_tokens + sum(usage["output_tokens"] for usage in counted)
        money = cost_of(tokens_in, tokens_out, self._price) or 0.0
        over_tokens = self._limit.tokens is not None and tokens_in + tokens_out >= self._limit.tokens
        over_money = self._limit.money is not None and money >= self._limit.money
        if not (over_tokens or over_money):
            return None
        _log.warning("turn.budget_spent", tokens=tokens_in + tokens_out, money=round(money, 6))
        journal.events.put(BudgetSpent())
        return {"jump_to": "end"}


def cost_of(input_tokens: int | None, output_tokens: int | None, price: Price) -> float | None:
    """What tokens cost; None where no price is declared, or no count is known."""
    if (input_tokens is None and output_tokens is None) or not (price.input or price.output):
        return None
    return ((input_tokens or 0) * price.input + (output_tokens or 0) * price.output) / 1_000_000
