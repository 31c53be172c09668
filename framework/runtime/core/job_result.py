"""Turn the outcome of a turn into what the engine does with its job."""

from __future__ import annotations

from framework.engine.port import DeadLetter, Done, Execution, JobResult, Retry
from framework.runtime.core.bot import Limits
from framework.runtime.core.outcome import Failed, HandedOff, Outcome, Replied, Silent
from framework.runtime.core.turn import Turn
from framework.stream.timing import Timing


def verdict(outcome: Outcome, turn: Turn, execution: Execution, limits: Limits, timing: Timing) -> JobResult:
    """A turn that failed without the channel being told is tried again within the definition's horizon, where that may
    help; every other failure is a dead letter, for a person to look at.
    """
    match outcome:
        case Replied():
            return Done("replied")
        case Silent(reason):
            return Done(f"silent: {reason}")
        case HandedOff(reason):
            return Done(f"handed off: {reason}")
        case Failed(error, told=told, retryable=retryable):
            overdue = timing.now() - turn.trigger.created_at > turn.definition.catch_up.horizon
            if told or not retryable or overdue:
                return DeadLetter(error)
            return Retry(patience(execution.attempt, limits, timing), error)


def patience(attempt: int, limits: Limits, timing: Timing) -> float:
    """Seconds before the try after this one: each failure doubles them, with jitter."""
    seconds = min(limits.first_retry * 2.0 ** min(attempt - 1, 20), limits.last_retry)
    return seconds * timing.uniform(0.8, 1.2)
