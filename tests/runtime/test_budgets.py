"""Budgets of a day: counted once, kept where replicas share them, and what happens when they are spent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from framework.agent.conversation import Answer, Conversation, Finished
from framework.budget.usage import BudgetClaim, MemoryUsageBook, Refused, Usage
from framework.definition.parts.budget import Spending
from framework.runtime.decide.budget_left import left_today
from framework.stream.model import Message, User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, Step
from tests.support.bots import BOT, CID, Running
from tests.support.chat import BEN, World

DAY = date(2026, 1, 1)
CARL = User("carl", "Carl", role="moderator")


def costly(conversation: Conversation) -> list[Step]:
    made = Answer(f"re {conversation.question}", "answered", input_tokens=70, output_tokens=30, cost=0.02)
    return [Finished(made)]


def broken(conversation: Conversation) -> list[Step]:
    raise RuntimeError("a bug")


def spent(world: World) -> list[str]:
    return [m.text for m in world.messages(CID) if m.user.id == BOT.id and m.custom.get("outcome") == "spent"]


async def ask(world: World, text: str, **more: Any) -> Message:
    message = world.post(CID, text, **more)
    await asyncio.sleep(1)
    return message


@pytest.mark.parametrize("bound", [{"tokens": 200}, {"money": 0.04}, {"turns": 2}])
async def test_tokens_money_and_turns(
    bound: dict[str, object], world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = costly
    async with Running(world, agent, timing=timing, definition={"budget": {"user_day": bound}}):
        for number in range(4):
            await ask(world, str(number))
        await ask(world, "mine", user=BEN)
    assert agent.questions == ["0", "1", "mine"]
    assert len(spent(world)) == 1


async def test_a_turn_beside_too_many_others_waits_and_is_told_so_at_last(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    rooms = [f"messaging:support-{number}" for number in range(1, 5)]
    for room in rooms:
        world.room(room)
    agent.script = lambda conversation: [Pause(60.0), *costly(conversation)]
    async with Running(world, agent, timing=timing, definition={"budget": {"user_at_once": 2}}):
        for number, room in enumerate(rooms):
            world.post(room, str(number))
        await asyncio.sleep(90)
    assert len(agent.questions) == 2
    told = [m.text for room in rooms for m in world.messages(room) if m.custom.get("outcome") == "spent"]
    assert len(told) == 1, "each person is told once"


async def test_a_spent_budget_hands_over_where_a_person_can_take_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.people[CARL.id] = CARL
    world.room(CID)
    agent.script = costly
    rules = {"budget": {"day": {"turns": 1}, "when_spent": "handover"}, "handover": {"enabled": True, "to": ["carl"]}}
    async with Running(world, agent, timing=timing, definition=rules) as bot:
        await ask(world, "one")
        second = await ask(world, "two")
        await asyncio.sleep(5)
        assert bot.replied(second).custom["outcome"] == "handed_off"
    assert agent.questions == ["one"]


async def test_a_turn_that_is_tried_again_is_counted_once(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = costly
    async with Running(world, agent, timing=timing, definition={"budget": {"day": {"turns": 2}}}) as bot:
        bot.service.fail("send", times=2)
        await ask(world, "one")
        await asyncio.sleep(60)
        await ask(world, "two")
        await ask(world, "three")
    assert agent.questions[-1] == "two"
    assert len(spent(world)) == 1


class Witnessed(MemoryUsageBook):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def reserve(self, claim: BudgetClaim, now: datetime) -> Refused | None:
        self.asked.append("reserve")
        return await super().reserve(claim, now)

    async def settle(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        self.asked.append("settle")
        return await super().settle(turn, scopes, day, usage)

    async def release(self, turn: str, *, spent: bool = False) -> None:
        self.asked.append("release")
        await super().release(turn, spent=spent)


async def test_an_answer_takes_two_transactions(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    book = Witnessed()
    agent.script = costly
    running = Running(world, agent, timing=timing)
    running.bot.usage = book
    async with running:
        await ask(world, "one")
        assert book.asked == ["reserve", "settle"]
        agent.script = broken
        await ask(world, "two")  # comes to nothing: what was set aside is given up
    assert agent.questions == ["one", "two"]
    assert book.asked == ["reserve", "settle", "reserve", "release"]


async def test_replicas_share_a_budget(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    book = MemoryUsageBook()
    running = Running(world, agent, timing=timing, definition={"budget": {"day": {"turns": 1}}})
    running.bot.usage = book
    async with running:
        await ask(world, "one")
    after = Running(world, agent, timing=timing, definition={"budget": {"day": {"turns": 1}}})
    after.bot.usage = book
    async with after:
        await ask(world, "two")
    assert agent.questions == ["one"]


@pytest.mark.parametrize("bound", [{"tokens": 1000}, {"money": 0.2}, {"turns": 10}])
async def test_the_log_says_once_a_day_that_the_bots_budget_is_nearly_spent(
    bound: dict[str, Any], world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = costly
    with capture_logs() as lines:
        async with Running(world, agent, timing=timing, definition={"budget": {"day": bound}}):
            for number in range(7):
                await ask(world, f"question {number}")
            early = [line for line in lines if line["event"] == "budget.nearly_spent"]
            for number in range(3):
                await ask(world, f"later {number}")
    assert not early
    (line,) = [line for line in lines if line["event"] == "budget.nearly_spent"]
    assert (line["of"], line["left"], line["log_level"]) == (next(iter(bound)), "20%", "warning")


async def test_what_is_left_of_a_budget_is_told_by_what_is_counted() -> None:
    book, now = MemoryUsageBook(), datetime(2026, 1, 1, 12, tzinfo=UTC)
    bound = Spending(tokens=200, money=0.5)
    await book.settle("a", ["bot|all"], DAY, Usage(150, 0.1, 1))
    assert await left_today(book, "bot", bound, now) == {"tokens": 0.25, "money": 0.8}
    assert await left_today(book, "other", bound, now) == {"tokens": 1.0, "money": 1.0}
    assert await left_today(book, "bot", Spending(), now) == {}
