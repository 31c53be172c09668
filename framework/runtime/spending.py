"""Budgets: what a person, a channel and the bot may spend on a day, and what happens when it is spent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished
from framework.definition.budget import Budget, Spending
from framework.engine.usage import Usage, UsageBook
from framework.runtime.content import saying
from framework.runtime.own import own
from framework.runtime.stage import CallNext
from framework.runtime.turn import HandedOff, Outcome, Replied, Silent, Turn
from framework.stream.model import Message
from framework.stream.service import ChatService

_log = structlog.get_logger(__name__)

SPENT = "spent"
"""The outcome that a reply with the phrase `spent` tells in its custom fields."""
_LOOK_BACK = 100


class Allowance:
    """A stage before the agent's: whether there is anything left to spend.

    A message counts on the day on which it was written (UTC), so that a later look comes to the same.
    """

    def __init__(self, service: ChatService, book: UsageBook) -> None:
        self._service = service
        self._book = book

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """At the limit what the definition says; else the outcome of the stages that follow. Raises EngineError."""
        budget = turn.definition.budget
        if turn.events is not None or turn.draft.posted or not _bounded(budget):
            return await call_next(turn)
        over = await self._over(turn, budget)
        if over is None:
            return await call_next(turn)
        reason = f"the budget {over} is spent"
        handover = turn.definition.handover
        if handover.enabled and (handover.budget or budget.when_spent == "handover"):
            return HandedOff(reason)  # for the stage of handovers, which is before this one
        if budget.when_spent == "silent" or await self._said(turn):
            return Silent(reason)
        _log.info("turn.limited", why=reason)
        phrases = turn.definition.phrases
        text = phrases.spent.replace("{person}", phrases.person).strip()
        return await call_next(replace(turn, events=saying(text), marks={**turn.marks, "outcome": SPENT}))

    async def _over(self, turn: Turn, budget: Budget) -> str | None:
        """Which budget is spent, in words."""
        bounds = list(zip(_scopes(turn), _bounds(budget), _NAMES, strict=True))
        spent = await self._book.spent([scope for scope, _, _ in bounds], day_of(turn))
        return next((name for scope, bound, name in bounds if _is_over(spent[scope], bound)), None)

    async def _said(self, turn: Turn) -> bool:
        """Whether the channel was told so on this day: it remembers longer than any process."""
        day = day_of(turn)
        pages = [await self._service.recent(turn.channel, limit=_LOOK_BACK)]
        if turn.trigger.parent_id is not None:
            pages.append(await self._service.thread(turn.trigger.parent_id, limit=_LOOK_BACK))
        return any(_tells(message, turn, day) for page in pages for message in page)


class Account:
    """A stage after the agent's: writes down what the answer cost, before it is delivered.

    So nothing is lost where the process ends between the two, and a turn that is tried again is counted once.
    """

    def __init__(self, book: UsageBook) -> None:
        self._book = book

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow. The events raise EngineError where nothing can be written down."""
        if turn.conversation is None or turn.events is None or not _bounded(turn.definition.budget):
            return await call_next(turn)
        outcome = await call_next(replace(turn, events=self._counting(turn, turn.events)))
        if isinstance(outcome, Replied):
            await self._count(turn, outcome.answer)  # a stopped answer never came to its end
        return outcome

    async def _counting(self, turn: Turn, events: AsyncIterator[AgentEvent]) -> AsyncIterator[AgentEvent]:
        async for event in events:
            if isinstance(event, Finished):
                await self._count(turn, event.answer)
            yield event

    async def _count(self, turn: Turn, answer: Answer) -> None:
        usage = Usage((answer.input_tokens or 0) + (answer.output_tokens or 0), answer.cost or 0.0, 1)
        if await self._book.spend(turn.ids.job, _scopes(turn), day_of(turn), usage):
            _log.info("budget.counted", tokens=usage.tokens, money=round(usage.money, 6))


def day_of(turn: Turn) -> date:
    """The day on whose account the turn goes."""
    return _day(turn.trigger.created_at)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _scopes(turn: Turn) -> Sequence[str]:
    """In the order of `_bounds`. A bot is its user: several bots of a database do not share their money."""
    bot = turn.bot_user_id
    return (f"{bot}|user|{turn.trigger.user.id}", f"{bot}|channel|{turn.channel}", f"{bot}|all")


def _bounds(budget: Budget) -> Sequence[Spending]:
    return (budget.user_day, budget.channel_day, budget.day)


_NAMES = ("of this person for today", "of this channel for today", "of the bot for today")


def _bounded(budget: Budget) -> bool:
    return any(bound.model_fields_set for bound in _bounds(budget))


def _is_over(usage: Usage, bound: Spending) -> bool:
    pairs = ((usage.tokens, bound.tokens), (usage.money, bound.money), (usage.turns, bound.turns))
    return any(limit is not None and amount >= limit for amount, limit in pairs)


def _tells(message: Message, turn: Turn, day: date) -> bool:
    ours = own(message, turn.bot_user_id)
    told = ours is not None and ours.id != turn.reply_id and ours.outcome == SPENT
    return told and _day(message.created_at) == day
