"""Events that come by webhooks: doubled, out of order, of channels and users that are none of the bot's business."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from framework.engine.local import LocalEngine
from framework.engine.port import Job
from framework.errors import EngineError
from framework.runtime.core.bot import Limits
from framework.stream.model import AddedToChannel, ChannelRef, MessageNew
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import World

Logs = list[dict[str, object]]


async def test_without_a_connection_a_bot_joins_catches_up_reconciles_and_answers_what_is_brought(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID).members["agent-bot"] = timing.now()
    before = world.post(CID, "before", announce=False)
    async with Running(world, agent, timing=timing, connected=False) as bot:
        await asyncio.sleep(1)
        brought = world.post(CID, "brought", announce=False)
        await bot.deliver(MessageNew(brought))
        await asyncio.sleep(1)
        lost = world.post(CID, "lost", announce=False)
        await asyncio.sleep(70)
        assert [bot.replied(m).text for m in (before, brought, lost)] == [
            "You said: before",
            "You said: brought",
            "You said: lost",
        ]
        assert bot.service.calls["watch"] == 0


async def test_events_that_overtook_each_other_are_answered_in_the_order_of_the_channel(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, connected=False) as bot:
        messages = [world.post(CID, f"q{n}", announce=False) for n in range(10)]
        for message in reversed(messages):
            await bot.deliver(MessageNew(message))
            await asyncio.sleep(0.02)
        await asyncio.sleep(5)
    assert agent.questions == [f"q{n}" for n in range(10)]


async def test_what_comes_by_both_ways_and_again_and_again_is_answered_once(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        messages = [world.post(CID, f"q{n}") for n in range(5)]
        for _ in range(20):
            for message in messages:
                await bot.deliver(MessageNew(message))
            await asyncio.sleep(0.1)
        assert bot.service.calls["send"] == 5
    assert sorted(agent.questions) == [f"q{n}" for n in range(5)]


async def test_what_comes_by_the_connection_is_in_order_and_waits_for_nothing(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, limits=Limits(webhook_delay=60)) as bot:
        message = world.post(CID, "now")
        await asyncio.sleep(0.5)
        assert bot.reply_to(message)


async def test_only_channels_of_the_definition_and_what_others_see_are_answered(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, connected=False) as bot:
        elsewhere = world.post("messaging:private", "psst", announce=False)
        hidden = replace(world.post(CID, "for others", announce=False), visible_to=("ben",))
        for message in (elsewhere, hidden):
            await bot.deliver(MessageNew(message))
        await bot.deliver(AddedToChannel(ChannelRef.parse("messaging:support-9"), "somebody-else"))
        await asyncio.sleep(2)
    assert agent.asked == []


async def test_a_channel_of_which_only_a_webhook_told_is_entered(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    limits = Limits(discovery=1000)
    async with Running(world, agent, timing=timing, connected=False, limits=limits) as bot:
        first = world.post("messaging:support-new", "First!", announce=False)
        await bot.deliver(MessageNew(first))
        await asyncio.sleep(2)
        assert bot.reply_to(first)
        assert "agent-bot" in world.rooms[first.channel].members


async def test_what_cannot_be_kept_is_to_be_brought_again(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    class Full(LocalEngine):
        async def enqueue(self, job: Job) -> bool:
            raise EngineError("the disk is full")

    world.room(CID)
    async with Running(world, agent, timing=timing, connected=False, engine=Full()) as bot:
        with pytest.raises(EngineError, match="full"):
            await bot.deliver(MessageNew(world.post(CID, "Hi", announce=False)))


async def test_what_could_not_be_kept_is_not_overtaken_by_what_came_after_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    class Away(LocalEngine):
        gone = True

        async def enqueue(self, job: Job) -> bool:
            if self.gone:
                raise EngineError("the database is away")
            return await super().enqueue(job)

    world.room(CID)
    engine = Away(now=timing.now)
    async with Running(world, agent, timing=timing, engine=engine, limits=Limits(reconciliation=1000)) as bot:
        world.post(CID, "first")
        await asyncio.sleep(0.1)
        engine.gone = False
        world.post(CID, "second")
        await asyncio.sleep(0.1)
        engine.gone = True
        world.post(CID, "third")
        await asyncio.sleep(30)
        engine.gone = False
        world.post(CID, "fourth")
        await asyncio.sleep(60)
        assert bot.service.calls["send"] == 4
    assert agent.questions == ["first", "second", "third", "fourth"]


async def test_a_queue_that_is_behind_is_told_at_most_once_a_minute(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("send", times=10_000)
        world.post(CID, "first")
        world.post(CID, "second")
        await asyncio.sleep(300)
        told = [entry for entry in logs if entry["event"] == "run.behind"]
        assert 4 <= len(told) <= 5
        assert told[0]["waiting"] in {1, 2}
        bot.service.heal()
        await asyncio.sleep(120)
        logs.clear()
        await asyncio.sleep(600)
    assert "run.behind" not in [entry["event"] for entry in logs]
