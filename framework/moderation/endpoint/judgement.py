"""Judging one message in time: by the rules, and by a model where a rule wants one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from framework.moderation.endpoint.answer import is_changeable
from framework.moderation.guard import Guard, GuardDecision
from framework.moderation.message import Screened
from framework.moderation.rules.outcome import Outcome

Score = Callable[[str, str, Sequence[str], float], Awaitable[Mapping[str, float] | None]]
"""Given a bot, a text, kinds and seconds: return the scores of the bot's model; None if there are none in time."""


async def no_score(_bot: str, _text: str, _kinds: Sequence[str], _seconds: float) -> None:
    """Score nothing."""


@dataclass(frozen=True)
class Judged:
    """A decision, and the rules whose model did not answer in time."""

    decision: GuardDecision
    late: tuple[str, ...] = ()


async def judge(guard: Guard, message: Screened, score: Score, *, seconds: float) -> Judged:
    """Say what is done with a message, within so many seconds. What a mask cannot change is refused."""
    kinds = guard.kinds(message)
    late: tuple[str, ...] = ()
    if kinds:
        scores = await score(guard.bot, message.whole, kinds, seconds) if seconds > 0 else None
        message = replace(message, scores=scores)
        if scores is None:
            late = guard.names_of(kinds)
    decided = guard.judge(message)
    if decided.changed and not is_changeable(decided.changed):
        decided = replace(decided, outcome=Outcome.REJECT, changed=(), say=decided.say or guard.phrase)
    return Judged(decided, late)
