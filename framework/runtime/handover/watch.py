"""The observer of a handover: the agent's own wish, failed answers, a spent budget and errors lead to one."""

from __future__ import annotations

from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished, HandoverRequested
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import HandOver
from framework.runtime.core.turn import Turn
from framework.runtime.handover.signs import WITHOUT_EVIDENCE
from framework.runtime.handover.steps import HandoverSteps

_log = structlog.get_logger(__name__)


class HandoverWatch:
    """Watches one answer. The handover is done before the reply is complete: a turn that is interrupted repeats it."""

    def __init__(self, steps: HandoverSteps, view: ChannelView) -> None:
        self._steps = steps
        self._view = view
        self._asked: HandoverRequested | None = None

    async def __call__(self, turn: Turn, event: AgentEvent) -> AgentEvent:
        """See `Observer`. The last event becomes `HandedOver` if it came to that."""
        if not turn.definition.handover.enabled:
            return event
        if isinstance(event, HandoverRequested):
            self._asked = event
        if not isinstance(event, Finished):
            return event
        why = await self._why(turn, event.answer)
        if why is None:
            return event
        made = await self._steps.prepare(turn, self._view, why)
        return replace(made, answer=replace(event.answer, text=made.answer.text, sources=(), suggestions=()))

    async def rescue(self, turn: Turn, error: Exception) -> Finished | None:
        """See `drive.Rescue`: a person takes over from a bot that failed, if the definition says so."""
        if not (turn.definition.handover.enabled and turn.definition.handover.errors):
            return None
        _log.error("turn.failed", instead="a person takes over", error=str(error), exc_info=error)
        return await self._steps.prepare(turn, self._view, HandOver("the bot failed", "errors"))

    async def _why(self, turn: Turn, answer: Answer) -> HandOver | None:
        rules, asked = turn.definition.handover, self._asked
        if asked is not None:
            return HandOver(asked.reason.rstrip(". ") or "the bot asked for a person", "tool", asked.summary)
        if answer.spent and (rules.budget or turn.definition.budget.when_spent == "handover"):
            return HandOver("the budget of this turn is spent", "budget")
        failed = answer.outcome in WITHOUT_EVIDENCE
        count = await self._steps.failures(turn, failed=failed) if rules.failed_answers > 1 else int(failed)
        if rules.failed_answers and count >= rules.failed_answers:
            return HandOver(f"{count} answers in a row without evidence", "failed_answers")
        return None
