"""What a turn reads before its first word is read at once: a message costs as few calls and round trips as can be."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from framework.stream.model import ChannelPage, ChannelRef, User
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


def recorded(bot: Running) -> list[int]:
    """How many messages each view asks for."""
    limits: list[int] = []
    view = bot.service.view

    async def recording(channel: ChannelRef, *, limit: int) -> ChannelPage:
        limits.append(limit)
        return await view(channel, limit=limit)

    bot.service.view = recording  # type: ignore[method-assign]  # counted on its way to the service
    return limits


NEW_BOT = {"conditions": {"addressed_only": True, "quiet_after_person": "10m"}, "handover": {"enabled": True}}
"""The conditions of a bot that `framework new` makes."""


async def test_the_conditions_of_a_new_bot_need_no_second_read_and_no_long_one(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    room = world.room(CID)
    room.members["ann"] = timing.now()
    async with Running(world, agent, timing=timing, definition=NEW_BOT) as bot:
        await asyncio.sleep(5)
        for number in range(40):
            world.post(CID, f"before {number}", announce=False)
        await asyncio.sleep(7200)
        bot.service.calls.clear()
        limits = recorded(bot)
        asked = world.post(CID, "Hi")
        await asyncio.sleep(5)
        assert bot.reply_to(asked)
        assert reads(bot) == {"view": 1}
        assert limits == [25]


async def test_a_condition_that_looks_back_is_not_cut_off_by_the_page(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Somebody of the team wrote, and much was said since: it counts as long as the definition says."""
    world.room(CID)
    definition = {"conditions": {"quiet_after_person": "10m"}, "team": {"users": ["tess"]}}
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        await asyncio.sleep(5)
        world.post(CID, "I am on it.", user=User("tess", "Tess"), announce=False)
        for number in range(60):
            world.post(CID, f"note {number}", user=User("bob", "Bob"), announce=False)
        quiet = world.post(CID, "And now?")
        await asyncio.sleep(700)
        assert bot.reply_to(quiet) is None
        asked = world.post(CID, "Is anybody there?")
        await asyncio.sleep(5)
        assert bot.reply_to(asked)


async def test_who_wrote_long_before_may_be_spoken_to_in_a_crowd(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    room = world.room(CID)
    room.members |= dict.fromkeys(("ann", "bob", "zoe"), timing.now())
    definition = {"conditions": {"addressed_only": True}}
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        await asyncio.sleep(5)
        world.post(CID, "I am here.", user=User("zoe", "Zoe"), announce=False)
        for number in range(60):
            world.post(CID, f"note {number}", user=User("bob", "Bob"), announce=False)
        await asyncio.sleep(1)
        to_zoe = world.post(CID, "Zoe, can you look?")
        to_nobody = world.post(CID, "Who are you?")
        await asyncio.sleep(5)
        assert bot.reply_to(to_zoe) is None
        assert bot.reply_to(to_nobody)


@pytest.mark.parametrize("thread", [False, True])
async def test_a_quote_of_what_only_some_saw_is_answered_for_them_alone_however_old_it_is(
    world: World, agent: ScriptedAgent, timing: Timing, *, thread: bool
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(5)
        secret = world.post(CID, "The code is 1234.", user=User("bob", "Bob"), visible_to=("ann", "bob", "agent-bot"))
        parent = world.post(CID, "Here we go", announce=False)
        for number in range(60):
            world.post(CID, f"note {number}", announce=False)
        await asyncio.sleep(1)
        quoting = world.post(CID, "What is it?", quoting=secret, parent=parent.id if thread else None)
        plain = world.post(CID, "And this?")
        await asyncio.sleep(5)
        assert set(bot.replied(quoting).visible_to) == {"ann", "bob", "agent-bot"}
        assert bot.replied(plain).visible_to == ()
