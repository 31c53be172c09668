"""Schedules: every tick once for each channel, whatever happens to the processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from framework.definition.parts.triggers import Trigger
from framework.runtime.intake.schedule import ticks
from framework.stream.model import Message
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent, answer
from tests.support.bots import BOT, CID, Running
from tests.support.chat import World

HOURS = [(24, 23), (25, 0), (25, 1), (25, 2)]
SECOND = "messaging:support-2"
HOURLY: dict[str, Any] = {"triggers": ["mention", {"schedule": {"cron": "5 * * * *", "do": "Summarise the channel."}}]}


def replies(world: World, cid: str = CID) -> list[Message]:
    return [message for message in world.messages(cid) if message.user.id == BOT.id]


async def test_a_tick_is_a_turn_in_every_channel_on_time(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    agent.script = lambda _: [answer("The summary.")]
    for cid in (CID, SECOND):
        world.room(cid)
    async with Running(world, agent, timing=timing, definition=HOURLY):
        await asyncio.sleep(4 * 60 + 50)
        assert replies(world) == []
        await asyncio.sleep(15)
        for cid in (CID, SECOND):
            (summary,) = replies(world, cid)
            assert abs((summary.created_at - datetime(2026, 1, 1, 12, 5, tzinfo=UTC)).total_seconds()) < 2
        await asyncio.sleep(3600)
    assert [len(replies(world, cid)) for cid in (CID, SECOND)] == [2, 2]
    assert {conversation.instruction for conversation in agent.asked} == {"Summarise the channel."}


async def test_two_replicas_make_one_turn_of_a_tick(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    agent.script = lambda _: [answer("The summary.")]
    world.room(CID)
    other = ScriptedAgent(agent.script)
    async with (
        Running(world, agent, timing=timing, definition=HOURLY),
        Running(world, other, timing=timing, definition=HOURLY),
    ):
        await asyncio.sleep(600)
    assert len(replies(world)) == 1


async def test_a_tick_missed_for_some_minutes_is_caught_up_with_once(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    agent.script = lambda _: [answer("The summary.")]
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=HOURLY):
        await asyncio.sleep(60)
    await asyncio.sleep(7 * 60)  # 12:08
    for _ in range(2):
        async with Running(world, agent, timing=timing, definition=HOURLY):
            await asyncio.sleep(30)
    assert len(replies(world)) == 1


async def test_a_tick_missed_for_longer_is_left_out(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=HOURLY):
        await asyncio.sleep(60)
    await asyncio.sleep(20 * 60)
    async with Running(world, agent, timing=timing, definition=HOURLY):
        await asyncio.sleep(60)
    assert replies(world) == []


async def test_a_channel_has_no_ticks_from_before_the_bot_came(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    await asyncio.sleep(6 * 60)
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=HOURLY):
        await asyncio.sleep(60)
    assert replies(world) == []


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year to minute


@pytest.mark.parametrize(
    ("cron", "zone", "after", "until", "expected"),
    [
        ("0 9 * * 1-5", "Europe/Berlin", utc(2026, 3, 26, 0, 0), utc(2026, 3, 31, 0, 0), [(26, 8), (27, 8), (30, 7)]),
        ("0 9 1 * mon", "UTC", utc(2026, 5, 31, 0, 0), utc(2026, 6, 9, 0, 0), [(1, 9), (8, 9)]),
        ("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 22, 0), utc(2026, 10, 25, 22, 0), [(25, 0)]),
        ("0 * * * *", "Europe/Berlin", utc(2026, 10, 24, 22, 30), utc(2026, 10, 25, 2, 0), HOURS),
        ("0 12 * * *", "UTC", utc(2026, 1, 1, 12, 0), utc(2026, 1, 1, 12, 5), []),
        ("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 23), utc(2026, 3, 29, 23), [(29, 1)]),
        ("0,30 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 23), utc(2026, 3, 29, 23), [(29, 1), (29, 1)]),
        ("0 3 * * *", "Europe/Berlin", utc(2026, 3, 28, 23), utc(2026, 3, 29, 23), [(29, 1)]),
        ("15 * * * *", "Europe/Berlin", utc(2026, 3, 29, 0), utc(2026, 3, 29, 3), [(29, 0), (29, 1), (29, 2)]),
        ("0 2 * * *", "Australia/Lord_Howe", utc(2026, 10, 3, 12), utc(2026, 10, 4, 12), [(3, 15)]),
    ],
    ids=[
        *("summer time", "either day", "a time shown twice", "hourly through it", "after is left out"),
        *("a time skipped", "two times skipped", "the hour after", "hourly over the gap", "half an hour"),
    ],
)  # fmt: skip
def test_ticks(cron: str, zone: str, after: datetime, until: datetime, expected: list[tuple[int, int]]) -> None:
    trigger = Trigger(on="schedule", cron=cron, timezone=zone)
    assert [(tick.day, tick.hour) for tick in ticks(trigger, after, until)] == expected
