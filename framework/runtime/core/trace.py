"""What happened in a turn, for those who look at it later: counts, the history of turns, a page for the team."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from framework.insight.history import TurnLine
from framework.insight.meters import TurnCount
from framework.runtime.core.outcome import Failed, HandedOff, Outcome, Replied, Silent
from framework.runtime.core.reasons import label_of

if TYPE_CHECKING:
    from framework.agent.conversation import Answer
    from framework.runtime.core.turn import Turn


@dataclass(eq=False)
class TurnTrace:
    """The pipeline's notes while a turn runs. All copies of the turn share them.

    `trigger` is what fired, `rule` the rule that decided. `answer` is the agent's, also where it did not reach the
    channel as such. `tools` are those that returned, and whether they did what they should.
    """

    trigger: str = ""
    rule: str = ""
    answer: Answer | None = None
    tools: list[tuple[str, bool]] = field(default_factory=list)


def counted(turn: Turn, outcome: Outcome, *, now: datetime) -> TurnCount:
    """Return what is counted of a turn that was decided."""
    answer = turn.trace.answer
    name, reason = label_of(outcome)
    return TurnCount(
        bot=turn.bot,
        outcome=name,
        reason=reason,
        first_text_seconds=_to_text(turn),
        seconds=max(0.0, (now - turn.received_at).total_seconds()),
        model=answer.model if answer else "",
        input_tokens=(answer.input_tokens or 0) if answer else 0,
        output_tokens=(answer.output_tokens or 0) if answer else 0,
        cost=(answer.cost or 0.0) if answer else 0.0,
        tools=tuple(turn.trace.tools),
    )


def line_of(turn: Turn, outcome: Outcome, *, now: datetime, replica: str) -> TurnLine:
    """Return what the history keeps of a turn that was decided."""
    answer, count = turn.trace.answer, counted(turn, outcome, now=now)
    made_up = turn.cause.made_up
    return TurnLine(
        key=turn.ids.job,
        bot=turn.bot,
        channel=str(turn.channel),
        message="" if made_up else turn.trigger.id,
        user=turn.trigger.user.id,
        cause=turn.trace.trigger or turn.cause.kind or "message",
        outcome=count.outcome,
        label=count.reason,
        reason=_said(outcome),
        rule=turn.trace.rule,
        received_at=turn.received_at,
        first_text_seconds=count.first_text_seconds,
        seconds=count.seconds,
        reply=turn.reply.id,
        model=count.model,
        input_tokens=count.input_tokens,
        output_tokens=count.output_tokens,
        cost=count.cost,
        sources=tuple((one.file, one.heading) for one in answer.sources) if answer else (),
        tools=count.tools,
        replica=replica,
    )


def _said(outcome: Outcome) -> str:
    match outcome:
        case Silent(reason):
            return reason
        case HandedOff(kind=kind):
            return kind  # the reason of a model may quote what somebody wrote
        case Failed(error):
            return error
        case Replied():
            return ""


def _to_text(turn: Turn) -> float | None:
    """By the service's clock on both sides. None where no message of a person was answered."""
    if turn.cause.made_up or turn.reply.posted_at is None or turn.reply.resumed:
        return None
    return max(0.0, (turn.reply.posted_at - turn.trigger.created_at).total_seconds())
