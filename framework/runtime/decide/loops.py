"""The loop guard: bots never talk to themselves or to each other, marked as bots or not."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from framework.runtime.core.bot import Limits
from framework.runtime.core.language import asks, runs_of
from framework.runtime.core.stage import CallNext
from framework.runtime.core.triggers import never_answered
from framework.runtime.core.turn import Outcome, Replied, Silent, Turn
from framework.runtime.decide.account_pace import Pace

_AT_ONCE = timedelta(seconds=10)
_WORDS = 5
_ROUNDS = 20  # a lower limit that the definition gives is kept where the channel is looked at
_TEXTS = 3
"""Of an account's last texts, those that a new one is compared with: an automaton may take turns with a few."""


@dataclass(frozen=True)
class _Round:
    """The last question and answer of a lane, and how often in a row the same came back."""

    user_id: str
    question: str
    answer: str
    answered_at: datetime
    repeated: int = 0
    echoed: int = 0
    reacted: int = 0
    said: tuple[str, ...] = ()
    pace: Pace = field(default_factory=Pace)
    is_answered: bool = False


def _reacts(at: datetime, text: str, last: _Round) -> bool:
    """Whether a message takes up the answer's own words (not those of the question), faster than people type, or says
    as fast a whole sentence that was said before and asks nothing: who checks on the bot asks, or says a word.
    """
    if not last.answer or at - last.answered_at > _AT_ONCE:
        return False
    if text in last.said and len(text.split()) >= _WORDS and not asks(text):
        return True
    return bool(runs_of(text, _WORDS) & runs_of(last.answer, _WORDS) - runs_of(last.question, _WORDS))


class LoopGuard:
    """A stage. Every turn needs a message of a person, and answers it once, so marked bots cannot make a loop.

    An account that answers by itself without being marked as a bot is told from a person by what it says: it sends
    the bot's own answer back (`Limits.echoes` in a row), or the same few texts, again and again
    (`Limits.repeated_questions` in a row, far above what a person or a load test of one channel does), or it takes up
    what the bot just said, or says one of its few sentences that ask nothing, each time within seconds, or it writes as
    no person does (see `Pace`): each of them `conditions.turns_without_person` times in a row.
    """

    def __init__(self, limits: Limits, *, memory: int = 10_000) -> None:
        self._limits = limits
        self._memory = memory
        self._rounds: OrderedDict[str, _Round] = OrderedDict()

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent for what may never be answered, and for a loop; else the outcome of the stages that follow."""
        if turn.cause.made_up:
            return await call_next(turn)
        reason = never_answered(turn.trigger, bot_user_id=turn.bot_user_id)
        if reason is not None:
            return Silent(reason)
        now = self._round(turn)
        most = turn.definition.conditions.turns_without_person
        loops = now.echoed >= self._limits.echoes or now.repeated >= self._limits.repeated_questions
        if loops or now.reacted >= most or now.pace.is_automatic(max(most, _ROUNDS)):
            self._keep(turn.lane, now)
            return Silent("looks like an automatic answer to the bot's own messages")
        outcome = await call_next(turn)
        if isinstance(outcome, Replied) and turn.draft.posted_at is not None:
            answered = replace(now, answer=outcome.answer.text, answered_at=turn.draft.posted_at, is_answered=True)
            self._keep(turn.lane, answered)
        return outcome

    def _round(self, turn: Turn) -> _Round:
        """The round of this turn, counted against the one before."""
        trigger, text = turn.trigger, turn.trigger.text.strip()
        last = self._rounds.get(turn.lane)
        fresh = _Round(trigger.user.id, text, "", trigger.created_at, said=(text,))
        if last is None or last.user_id != trigger.user.id or not text:
            return fresh
        if trigger.created_at <= last.answered_at:  # written before the answer, so it is not a reaction to it
            return replace(last, question=text, answer="", answered_at=trigger.created_at, is_answered=False)
        rounds = max(turn.definition.conditions.turns_without_person, _ROUNDS)
        return replace(
            fresh,
            answer=last.answer,
            answered_at=last.answered_at,
            repeated=last.repeated + 1 if text in last.said else 0,
            said=(*last.said, text)[-_TEXTS:],
            echoed=last.echoed + 1 if last.answer and last.answer in text else 0,
            reacted=last.reacted + 1 if _reacts(trigger.created_at, text, last) else 0,
            pace=last.pace.after(text, trigger.created_at, last.answered_at if last.is_answered else None, rounds),
        )

    def _keep(self, lane: str, now: _Round) -> None:
        self._rounds[lane] = now
        self._rounds.move_to_end(lane)
        if len(self._rounds) > self._memory:
            self._rounds.popitem(last=False)
