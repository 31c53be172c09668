"""The loop guard: bots never talk to themselves or to each other, marked as bots or not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from framework.runtime.core.bot import Limits
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.language import asks, runs_of
from framework.runtime.core.outcome import Outcome, Replied, Skip
from framework.runtime.core.triggers import not_answered
from framework.runtime.core.turn import Turn
from framework.runtime.decide.rounds import AccountPace, missed
from framework.runtime.state.own import OwnMessage
from framework.stream.model import Message

_AT_ONCE = timedelta(seconds=10)
_WORDS = 5
_ROUNDS = 20  # a lower limit that the definition gives is kept where the channel is looked at
_HASTE = timedelta(seconds=15)
_HASTY = 6
"""So many messages in a row, each soon after an answer, make it worth a call to look further back."""

_ANSWERS = 3
"""Of the bot's last answers, those that a message may take up which was written before the newest one: an automaton
that reacts to each answer may have several messages on their way."""

_TEXTS = 3
"""Of an account's last texts, those that a new one is compared with: an automaton may take turns with a few."""


@dataclass(frozen=True)
class _Round:
    """The last question and answer of a lane, and how often in a row the same came back."""

    user_id: str
    question: str
    answer: str
    answered_at: datetime
    question_id: str = ""
    repeated: int = 0
    echoed: int = 0
    reacted: int = 0
    hasty: int = 0
    said: tuple[str, ...] = ()
    pace: AccountPace = field(default_factory=AccountPace)
    is_answered: bool = False
    answers: tuple[tuple[str, datetime], ...] = ()

    def answered_with(self, text: str, at: datetime) -> _Round:
        """The round once it has its answer, with the time at which that was posted."""
        answers = (*self.answers, (text, at))[-_ANSWERS:]
        return replace(self, answer=text, answered_at=at, is_answered=True, answers=answers)

    def heard_at(self, at: datetime) -> _Round:
        """The same, with the answer that was the newest one at this time; without any where there was none."""
        text, when = next((one for one in reversed(self.answers) if one[1] < at), ("", at))
        return replace(self, answer=text, answered_at=when)


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
    """A rule. Every turn needs a message of a person, and answers it once, so marked bots cannot make a loop.

    An account that answers by itself without being marked as a bot is told from a person by what it says: it sends
    the bot's own answer back (`Limits.echoes` in a row), or the same few texts, again and again
    (`Limits.repeated_questions` in a row, far above what a person or a load test of one channel does), or it takes up
    what the bot just said, or says one of its few sentences that ask nothing, each time within seconds, or it writes as
    no person does (see `AccountPace`): each of them `conditions.turns_without_person` times in a row.
    """

    def __init__(self, limits: Limits, *, memory: int = 10_000) -> None:
        self._limits = limits
        self._memory = memory
        self._open: dict[str, _Round] = {}  # of turns at work, by their keys
        self._rounds: OrderedDict[str, _Round] = OrderedDict()

    async def __call__(self, turn: Turn, view: ChannelView) -> Skip | None:
        """Return Skip for what may never be answered, and for a loop."""
        if turn.cause.made_up:
            return None
        reason = not_answered(turn.trigger, turn.definition)
        if reason is not None:
            return Skip(reason)
        now = await self._now(turn, view)
        if self._loops(turn, now):
            self._keep(turn.lane, now)
            return Skip("looks like an automatic answer to the bot's own messages")
        self._open[turn.ids.job] = now
        return None

    def close(self, turn: Turn, outcome: Outcome | None) -> None:
        """Remember the round of a turn that came to an end; None: by an error."""
        now = self._open.pop(turn.ids.job, None)
        if now is not None and isinstance(outcome, Replied) and turn.reply.posted_at is not None:
            self._keep(turn.lane, now.answered_with(outcome.answer.text, turn.reply.posted_at))

    def _loops(self, turn: Turn, now: _Round) -> bool:
        most = turn.definition.conditions.turns_without_person
        loops = now.echoed >= self._limits.echoes or now.repeated >= self._limits.repeated_questions
        return loops or now.reacted >= most or now.pace.is_automatic(max(most, _ROUNDS))

    async def _now(self, turn: Turn, view: ChannelView) -> _Round:
        """The round of this turn. Those before it that another replica had, or this process before it was started anew,
        are in the page of the channel that was read anyway. More is read only for an account that is in a hurry, and if
        the page does not say all: once for each channel.
        """
        last = self._rounds.get(turn.lane)
        since = last.question_id if last is not None else ""
        if turn.forced:  # an operator's turn depends on nothing that stands in the channel
            return self._round(turn, turn.trigger, last)
        page = await view.page(turn.trigger.parent_id)
        now = self._round(turn, turn.trigger, self._after(turn, last, missed(turn, page.all, since)))
        if page.whole or (since and page.find(since) is not None):
            return now
        if now.hasty < _HASTY or self._loops(turn, now):
            return now
        messages = await view.until(turn.trigger.parent_id, turn.trigger.id, 4 * _ROUNDS)
        return self._round(turn, turn.trigger, self._after(turn, None, missed(turn, messages, "")))

    def _after(
        self, turn: Turn, last: _Round | None, rounds: Iterable[tuple[Message, OwnMessage | None]]
    ) -> _Round | None:
        """The last round, once these were counted that others had."""
        for question, reply in rounds:
            if reply is None and (last is None or last.user_id != question.user.id):
                continue
            now = self._round(turn, question, last)
            if reply is not None:
                last = now.answered_with(reply.message.text, reply.message.created_at)
            elif self._loops(turn, now):  # nobody answered it, and nobody should
                last = now
        return last

    def _round(self, turn: Turn, message: Message, last: _Round | None) -> _Round:
        """The round of this message, counted against the one before."""
        text = message.text.strip()
        fresh = _Round(message.user.id, text, "", message.created_at, said=(text,), question_id=message.id)
        if last is None or last.user_id != message.user.id or not text:
            return fresh
        if message.created_at <= last.answered_at:  # written before the answer, so it is not a reaction to it
            heard = last.heard_at(message.created_at)
            return replace(
                last,
                echoed=last.echoed + 1 if heard.answer and heard.answer in text else 0,
                reacted=last.reacted + 1 if _reacts(message.created_at, text, heard) else 0,
                question=text,
                question_id=message.id,
                answer="",
                answered_at=message.created_at,
                is_answered=False,
            )
        rounds = max(turn.definition.conditions.turns_without_person, _ROUNDS)
        return replace(
            fresh,
            answer=last.answer,
            answered_at=last.answered_at,
            answers=last.answers,
            repeated=last.repeated + 1 if text in last.said else 0,
            said=(*last.said, text)[-_TEXTS:],
            echoed=last.echoed + 1 if last.answer and last.answer in text else 0,
            hasty=last.hasty + 1 if message.created_at - last.answered_at <= _HASTE else 0,
            reacted=last.reacted + 1 if _reacts(message.created_at, text, last) else 0,
            pace=last.pace.after(text, message.created_at, last.answered_at if last.is_answered else None, rounds),
        )

    def _keep(self, lane: str, now: _Round) -> None:
        self._rounds[lane] = now
        self._rounds.move_to_end(lane)
        if len(self._rounds) > self._memory:
            self._rounds.popitem(last=False)
