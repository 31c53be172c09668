"""What a turn reads before its first word is read side by side: a message costs as few round trips as can be."""

from __future__ import annotations

import asyncio

import pytest

from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import World


@pytest.mark.parametrize("handover", [True, False])
async def test_the_channel_is_read_beside_the_message_and_not_after_it(
    world: World, agent: ScriptedAgent, timing: Timing, *, handover: bool
) -> None:
    world.room(CID)
    definition = {"handover": {"enabled": handover}}
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        await asyncio.sleep(1)
        bot.service.latency |= dict.fromkeys(("messages", "info", "recent", "thread", "send", "mark_read"), 10.0)
        asked = world.post(CID, "Hi")
        await asyncio.sleep(29)
        assert bot.reply_to(asked) is None
        await asyncio.sleep(2)
        assert bot.reply_to(asked)
        assert bot.service.calls["info"] == 1


async def test_what_could_not_be_read_ahead_is_read_when_it_is_needed(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("info")
        asked = world.post(CID, "Hi")
        await asyncio.sleep(2)
        assert bot.reply_to(asked)
