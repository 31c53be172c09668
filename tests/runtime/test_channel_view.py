"""What a turn reads before its first word is read at once: a message costs as few calls and round trips as can be."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import World

_READS = ("view", "messages", "info", "recent", "thread")


def reads(bot: Running) -> dict[str, int]:
    return {call: count for call, count in bot.service.calls.items() if call in _READS}


@pytest.mark.parametrize("handover", [True, False])
async def test_a_message_in_a_channel_costs_one_read_and_one_round_trip(
    world: World, agent: ScriptedAgent, timing: Timing, *, handover: bool
) -> None:
    world.room(CID)
    definition = {"handover": {"enabled": handover}}
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        await asyncio.sleep(1)
        bot.service.latency |= dict.fromkeys((*_READS, "send", "mark_read"), 10.0)
        asked = world.post(CID, "Hi")
        await asyncio.sleep(19)
        assert bot.reply_to(asked) is None
        await asyncio.sleep(2)
        assert bot.reply_to(asked)
        assert reads(bot) == {"view": 1}


async def test_in_a_thread_the_channel_is_read_beside_the_message_and_not_after_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        parent = world.post(CID, "Hi")
        await asyncio.sleep(5)
        bot.service.calls = Counter()
        bot.service.latency |= dict.fromkeys((*_READS, "send", "mark_read"), 10.0)
        asked = world.post(CID, "And this?", parent=parent.id)
        await asyncio.sleep(19)
        assert bot.reply_to(asked) is None
        await asyncio.sleep(2)
        assert bot.reply_to(asked)
        assert reads(bot) == {"info": 1, "thread": 1}


async def test_what_could_not_be_read_ahead_is_read_when_it_is_needed(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("view")
        asked = world.post(CID, "Hi")
        await asyncio.sleep(2)
        assert bot.reply_to(asked)
        assert reads(bot) == {"view": 1, "info": 1, "recent": 1}


async def test_the_context_is_read_by_itself_where_much_was_written_since(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition={"context": {"messages": 5}}) as bot:
        await asyncio.sleep(1)
        for n in range(4):
            world.post(CID, f"before {n}")
        await asyncio.sleep(30)
        bot.service.calls = Counter()
        bot.service.latency["view"] = 5.0
        question = world.post(CID, "the question")
        for n in range(12):
            world.post(CID, f"after {n}", announce=False)
        await asyncio.sleep(15)
        assert bot.reply_to(question)
        asked = next(one for one in agent.asked if one.question == "the question")
        assert len(asked.utterances) == 5
        assert bot.service.calls["recent"] >= 1


@pytest.mark.parametrize("change", ["edit", "delete"])
async def test_what_changes_while_it_is_read_is_read_anew(
    world: World, agent: ScriptedAgent, timing: Timing, change: str
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        stale = bot.service.view

        async def slow(*arguments: object, **named: object) -> object:
            view = await stale(*arguments, **named)  # type: ignore[arg-type]  # handed through
            await asyncio.sleep(5)  # the answer is on its way while people go on
            return view

        bot.service.view = slow  # type: ignore[assignment, method-assign]  # the network, as it may be
        asked = world.post(CID, "What is the price?")
        await asyncio.sleep(2)
        if change == "edit":
            world.edit(asked, "Who are you?")
        else:
            world.delete(asked.id)
        await asyncio.sleep(10)
        assert agent.questions == (["Who are you?"] if change == "edit" else [])
        assert (bot.reply_to(asked) is not None) == (change == "edit")
