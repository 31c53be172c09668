"""Many messages at once: each answered once, in order, none lost."""

from __future__ import annotations

import asyncio
from itertools import groupby

from framework.runtime.core.bot import Limits
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer
from tests.support.bots import CID, Running
from tests.support.chat import World


async def test_a_hundred_messages_in_one_channel(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(0.3), answer(f"re {c.question}")]
    async with Running(world, agent, timing=timing) as bot:
        messages = [world.post(CID, f"q{n}") for n in range(100)]
        await asyncio.sleep(100)
        assert [bot.replied(message).text for message in messages] == [f"re q{n}" for n in range(100)]
    assert agent.questions == [f"q{n}" for n in range(100)]
    assert agent.most_at_once == 1
    assert len(world.messages(CID)) == 200


async def test_a_thousand_messages_over_two_hundred_channels(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    cids = [f"messaging:support-{n:03d}" for n in range(200)]
    for cid in cids:
        world.room(cid)
    agent.script = lambda c: [Pause(0.5), answer(f"re {c.question}")]
    async with Running(world, agent, timing=timing, limits=Limits(concurrent_turns=32)) as bot:
        messages = [world.post(cid, f"{cid} {n}") for n in range(5) for cid in cids]
        await asyncio.sleep(100)
        assert all(bot.replied(message).text == f"re {message.text}" for message in messages)
    assert agent.most_at_once == 32
    assert len(agent.asked) == 1_000
    in_channels = sorted(agent.questions, key=lambda question: question.split()[0])
    for cid, questions in groupby(in_channels, key=lambda question: question.split()[0]):
        assert list(questions) == [f"{cid} {n}" for n in range(5)]


async def test_a_busy_channel_does_not_starve_a_quiet_one(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    for n in range(3):
        world.room(f"messaging:support-{n}")
    agent.script = lambda c: [Pause(1), answer(c.question)]
    async with Running(world, agent, timing=timing, limits=Limits(concurrent_turns=2)) as bot:
        for n in range(50):
            world.post("messaging:support-0", f"a{n}")
            world.post("messaging:support-1", f"b{n}")
        quiet = world.post("messaging:support-2", "quiet")
        await asyncio.sleep(4)
        assert bot.reply_to(quiet)
        await asyncio.sleep(200)


async def test_the_same_text_many_times_at_once_is_no_loop(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        messages = [world.post(CID, "Hello?") for _ in range(300)]
        await asyncio.sleep(30)
        assert all(bot.reply_to(message) for message in messages)
