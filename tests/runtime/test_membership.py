"""In which channels the bot is, and how it comes to be there."""

from __future__ import annotations

import asyncio

import pytest

from framework.errors import ChatServiceError
from framework.stream.model import ChannelRef, MessageNew
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import BOT, CID, Running
from tests.support.chat import World

Logs = list[dict[str, object]]


def member(world: World, cid: str) -> bool:
    return "agent-bot" in world.rooms[ChannelRef.parse(cid)].members


async def test_joins_the_channels_that_match_and_no_others(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    for cid in ("messaging:support-1", "messaging:sales-1", "team:support-1", "livestream:help"):
        world.room(cid)
    definition = {"channels": ["messaging:support-*", "livestream:help"]}
    async with Running(world, agent, timing=timing, definition=definition):
        assert member(world, "messaging:support-1")
        assert member(world, "livestream:help")
        assert not member(world, "messaging:sales-1")
        assert not member(world, "team:support-1")


async def test_creates_the_channels_that_the_definition_asks_for(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    definition = {"channels": {"join": ["messaging:support-*"], "create": ["messaging:lobby"]}}
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        message = world.post("messaging:lobby", "Hi")
        await asyncio.sleep(1)
        assert bot.reply_to(message)


async def test_a_new_channel_is_found_within_seconds_and_its_first_message_answered(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1000)
        message = world.post(CID, "First!")
        await asyncio.sleep(4)
        assert bot.replied(message).text == "You said: First!"


async def test_discovery_asks_for_nothing_else_while_nothing_is_new(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        joins = bot.service.calls["join"]
        before = bot.service.calls["watch"]
        await asyncio.sleep(601)
        assert bot.service.calls["join"] == joins
        assert bot.service.calls["watch"] - before <= 11
        assert 190 <= bot.service.calls["find_channels"] <= 210


async def test_an_invitation_is_followed_only_where_the_definition_covers_the_channel(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing) as bot:
        here = world.post("messaging:support-9", "Hi", announce=False)
        there = world.post("messaging:private", "Hi", announce=False)
        bot.service.invite("messaging:support-9")
        bot.service.invite("messaging:private")
        await asyncio.sleep(1)
        assert bot.reply_to(here)
        assert bot.reply_to(there) is None


async def test_a_channel_that_it_was_removed_from_is_forgotten(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(400)
        bot.service.expel(CID)
        await asyncio.sleep(400)
        assert not member(world, CID)
    assert [entry["channel"] for entry in logs if entry["event"] == "channel.left"] == [CID]


async def test_a_channel_that_refuses_the_bot_does_not_keep_it_from_the_others(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    for n in range(3):
        world.room(f"messaging:support-{n}")
    bot = Running(world, agent, timing=timing)
    bot.service.fail("join", times=2, retryable=False, what="not allowed")
    async with bot:
        await asyncio.sleep(20)
        members = [n for n in range(3) if member(world, f"messaging:support-{n}")]
        assert len(members) == 2
        assert bot.service.calls["join"] == 4
    assert sum(entry["event"] == "channel.refused" for entry in logs) == 1


async def test_a_service_that_cannot_be_reached_at_start_is_a_clear_error(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    bot = Running(world, agent, timing=timing)
    bot.service.fail("open", what="Stream cannot be reached")
    with pytest.raises(ChatServiceError, match="Stream cannot be reached"):
        async with bot:
            pass
    assert bot.service.closed


async def test_many_channels_are_watched_in_chunks(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    for n in range(100):
        world.room(f"messaging:support-{n}")
    async with Running(world, agent, timing=timing) as bot:
        assert bot.service.calls["watch"] == 4
        assert all(member(world, f"messaging:support-{n}") for n in range(100))


async def test_a_channel_that_it_was_removed_from_is_left_alone_until_it_is_added_again(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        bot.service.expel(CID)
        bot.service.put(MessageNew(ignored := world.post(CID, "Are you there?")))  # a watcher still hears it
        await asyncio.sleep(100)
        assert not member(world, CID)
    async with Running(world, agent, timing=timing) as later:
        await asyncio.sleep(100)
        assert not member(world, CID)
        assert later.reply_to(ignored) is None
        later.service.invite(CID)
        await asyncio.sleep(1)
        question = world.post(CID, "And now?")
        await asyncio.sleep(1)
        assert later.reply_to(question) is not None
    async with Running(world, agent, timing=timing) as last:
        assert last.reply_to(question) is not None
        question = world.post(CID, "Still?")
        await asyncio.sleep(1)
        assert last.reply_to(question) is not None


async def test_a_bot_that_does_not_join_by_itself_works_where_it_was_added(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    world.room("messaging:support-2")
    world.add_member(CID, BOT.id)
    alone = {"channels": {"join": ["messaging:support-*"], "automatic": False}}
    async with Running(world, agent, timing=timing, definition=alone) as bot:
        here, there = world.post(CID, "Hi"), world.post("messaging:support-2", "Hi")
        await bot.deliver(MessageNew(there))  # webhooks tell of the whole app
        await asyncio.sleep(400)
        assert bot.reply_to(here) is not None
        assert bot.reply_to(there) is None
        assert not member(world, "messaging:support-2")
        bot.service.invite("messaging:support-2")
        await asyncio.sleep(1)
        later = world.post("messaging:support-2", "Hi again")
        await asyncio.sleep(1)
        assert bot.reply_to(later) is not None


async def test_a_bot_works_only_where_the_channels_fields_are_as_declared(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    emea, apac = world.room(CID), world.room("messaging:support-2")
    emea.custom, apac.custom = {"region": "emea"}, {"region": "apac"}
    where = {"channels": {"join": ["messaging:support-*"], "where": {"region": "emea"}}}
    async with Running(world, agent, timing=timing, definition=where) as bot:
        here, there = world.post(CID, "Hi"), world.post("messaging:support-2", "Hi")
        await bot.deliver(MessageNew(there))
        bot.service.invite("messaging:support-2")
        await asyncio.sleep(5)
        assert bot.reply_to(here) is not None
        assert bot.reply_to(there) is None
        emea.custom, apac.custom = {"region": "apac"}, {"region": "emea"}
        await asyncio.sleep(100)
        here, there = world.post(CID, "Hi"), world.post("messaging:support-2", "Hi")
        await asyncio.sleep(5)
        assert bot.reply_to(here) is None
        assert bot.reply_to(there) is not None
