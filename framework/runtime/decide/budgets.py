"""Budgets: what a person, a channel and the bot may spend, and what happens when it is spent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished
from framework.budget.usage import Bound, BudgetClaim, Refused, Usage, UsageBook
from framework.definition.parts.budget import Spending
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import Decision, Failed, HandOver, Outcome, Replied, Say, Skip
from framework.runtime.core.turn import Turn
from framework.runtime.decide.budget_left import bot_scope, warn_if_nearly_spent
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

SPENT = "spent"
"""The outcome that a reply with the phrase `spent` or `too_many` tells in its custom fields."""

_TOLD_MINUTES = timedelta(minutes=10)
_GUESTS_TOLD = 10  # guests share one budget: so many of them are told in one span that it is spent
_WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
"""Seconds between looks whether the person's other turns have ended."""


class Account:
    """What one turn reserves, costs and gives back. A rule, an observer and the end of the turn, which share that.

    A message counts on the day and in the minute in which it was written (UTC), so that a later look comes to the same.
    Every call raises EngineError if nothing can be written down.
    """

    def __init__(self, book: UsageBook, timing: Timing) -> None:
        self._book = book
        self._timing = timing
        self._reserved = False
        self._asked = False
        self._settled = False

    async def allow(self, turn: Turn, view: ChannelView) -> Decision | None:
        """A rule: reserve what the turn may cost. At the limit, return what the definition says."""
        if turn.reply.posted:
            return None
        refused = await self._reserve(turn)
        if refused is not None:
            return await self._refuse(turn, refused)
        self._reserved = True
        return None

    def ask(self) -> None:
        """An agent is put to work: from here on the turn costs something."""
        self._asked = True

    async def count(self, turn: Turn, event: AgentEvent) -> AgentEvent:
        """An observer: write down what the answer cost, before it is delivered.

        So nothing is lost if the process ends between the two, and a turn that is tried again is counted once.
        """
        if isinstance(event, Finished):
            await self._settle(turn, event.answer)
        return event

    async def close(self, turn: Turn, outcome: Outcome) -> None:
        """Count an answer that was stopped, and give back what was reserved and not used."""
        if self._asked and isinstance(outcome, Replied):
            await self._settle(turn, outcome.answer)
        if not self._reserved or self._settled:
            return  # a turn that was counted holds no reservation
        # What was asked of the model and came to nothing, since the question was deleted or replaced, has cost as well.
        await self._book.release(turn.ids.job, spent=self._asked and not isinstance(outcome, Failed))

    async def _reserve(self, turn: Turn) -> Refused | None:
        """Reserve; wait a while for the person's other turns if too many run at once."""
        claim = claim_of(turn)
        refused = await self._book.reserve(claim, self._timing.now())
        for seconds in _WAITS:
            if refused is None or refused.why != "at_once":
                break
            await self._timing.sleep(seconds)
            await turn.fence()
            refused = await self._book.reserve(claim, self._timing.now())
        return refused

    async def _refuse(self, turn: Turn, refused: Refused) -> Decision:
        reason = _reason(turn, refused)
        budget, handover, phrases = turn.definition.budget, turn.definition.handover, turn.phrases
        if refused.why == "spent" and handover.enabled and (handover.budget or budget.when_spent == "handover"):
            return HandOver(reason, "budget")
        if budget.when_spent == "silent" or not await self._is_first(turn, refused):
            return Skip(reason)
        _log.info("turn.limited", why=reason)
        phrase = phrases.spent if refused.why == "spent" else phrases.too_many
        return Say(phrase.replace("{person}", phrases.person).strip(), marks={"outcome": SPENT})

    async def _is_first(self, turn: Turn, refused: Refused) -> bool:
        """Whether the person was not told yet: once a day, or once in ten minutes, wherever they write."""
        person, day = person_of(turn), day_of(turn)
        told, span, at = f"{person}|told|{refused.scope}", _TOLD_MINUTES, turn.trigger.created_at
        if refused.why == "spent":
            # At one moment for the whole day: messages of several threads are not looked at in order.
            told, span = f"{told}|{day}", timedelta(days=1)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        limit = _GUESTS_TOLD if person.endswith(_GUESTS) else 1
        return not await self._book.take(told, turn.ids.job, limit, span, at)

    async def _settle(self, turn: Turn, answer: Answer) -> None:
        if self._settled:
            return
        usage = Usage((answer.input_tokens or 0) + (answer.output_tokens or 0), answer.cost or 0.0, 1)
        if await self._book.settle(turn.ids.job, claim_of(turn).scopes, day_of(turn), usage):
            _log.info("budget.counted", tokens=usage.tokens, money=round(usage.money, 6))
            bound, day = turn.definition.budget.day, day_of(turn)
            await warn_if_nearly_spent(self._book, turn.bot_user_id, bound, day, turn.ids.job)
        self._settled = True


def claim_of(turn: Turn) -> BudgetClaim:
    """What a turn wants to spend, and on whose account."""
    budget = turn.definition.budget
    of_person = not turn.cause.made_up or turn.trigger.user.id != turn.bot_user_id
    named = zip(_scopes(turn), (budget.user_day, budget.channel_day, budget.day), strict=True)
    bounds = tuple(Bound(scope, bound.tokens, bound.money, bound.turns) for scope, bound in named)
    price = max(budget.price.input, budget.price.output) / 1_000_000
    return BudgetClaim(
        turn=turn.ids.job,
        at=turn.trigger.created_at,
        day=day_of(turn),
        bounds=bounds,
        person=person_of(turn) if of_person else "",
        per_minute=budget.user_minute,
        at_once=budget.user_at_once,
        most=_most(budget.turn, price),
        price=price,
    )


def day_of(turn: Turn) -> date:
    """The day on whose account the turn goes."""
    return _day(turn.trigger.created_at)


def person_of(turn: Turn) -> str:
    """The scope of the person whose message it is. Guests are anybody's to make: together they are one person."""
    user = turn.trigger.user
    together = turn.definition.budget.guests == "together" and user.role in {"guest", "anonymous"}
    return user_scope(turn.bot_user_id, _GUESTS if together else user.id)


def user_scope(bot_user_id: str, user_id: str) -> str:
    """The scope of one person's spending at one bot."""
    return f"{bot_user_id}|user|{user_id}"


_GUESTS = "*guests*"  # no user has such an id


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _scopes(turn: Turn) -> Sequence[str]:
    """The person's, the channel's and the bot's. Bots of one database do not share their money: a bot is its user."""
    bot = turn.bot_user_id
    return (person_of(turn), f"{bot}|channel|{turn.channel}", bot_scope(bot))


def _most(bound: Spending, price: float) -> Usage | None:
    """What a turn costs at most, where its own budget says so."""
    if bound.tokens is None:
        return None
    return Usage(bound.tokens, bound.tokens * price if bound.money is None else bound.money)


def _reason(turn: Turn, refused: Refused) -> str:
    if refused.why == "minute":
        return f"more than {turn.definition.budget.user_minute} turns of this person within a minute"
    if refused.why == "at_once":
        return f"more than {turn.definition.budget.user_at_once} turns of this person at once"
    names = dict(zip(_scopes(turn), ("this person", "this channel", "the bot"), strict=True))
    return f"the budget of {names[refused.scope]} for today is spent"
