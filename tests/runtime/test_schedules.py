"""Schedules: every tick once for each channel, whatever happens to the processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from framework.definition.parts.triggers import Trigger
from framework.runtime.intake.schedule import due, due_of, ticks
from framework.runtime.state.pauses import Pauses, schedule_place
from framework.runtime.state.schedule_book import ScheduleBook
from framework.storage import Storage
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


MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def scheduled(**keys: Any) -> Trigger:
    return Trigger.model_validate({"on": "schedule", "do": "Say hello.", **keys})


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", utc(2026, 3, 29, 1, 30)),
        ("2026-10-25T02:30", "Europe/Berlin", utc(2026, 10, 25, 0, 30)),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", utc(2026, 10, 25, 1, 30)),
        ("2026-06-01 09:00", "America/New_York", utc(2026, 6, 1, 13, 0)),
    ],
    ids=["skipped in spring: as much later", "shown twice: the first time", "with an offset", "in its zone"],
)
def test_at_is_one_time(at: str, zone: str, expected: datetime) -> None:
    trigger = scheduled(at=at, timezone=zone)
    assert list(ticks(trigger, utc(2026, 1, 1), utc(2027, 1, 1))) == [expected]
    assert list(ticks(trigger, expected, utc(2027, 1, 1))) == []


def test_every_counts_from_a_moment_that_never_moves() -> None:
    six_hours = scheduled(every="6h", timezone="Europe/Berlin")
    whole = list(ticks(six_hours, utc(2026, 3, 27), utc(2026, 4, 2)))
    assert len(whole) == 24
    assert {b - a for a, b in pairwise(whole)} == {timedelta(hours=6)}
    for minutes in (1, 359, 360, 361, 1000):
        cut = utc(2026, 3, 27) + minutes * MINUTE
        assert [*ticks(six_hours, utc(2026, 3, 27), cut), *ticks(six_hours, cut, utc(2026, 4, 2))] == whole
    assert [one.weekday() for one in ticks(scheduled(every="7d"), utc(2026, 1, 1), utc(2026, 1, 20))] == [0, 0, 0]


def test_jitter_moves_each_tick_alike_in_all_processes() -> None:
    trigger = scheduled(cron="0 * * * *", jitter="10m")
    found = due(trigger, utc(2026, 1, 1), utc(2026, 1, 3), utc(2026, 1, 1))
    moved = [due_of(trigger, tick) - tick for tick in found]
    assert len(found) == 48
    assert all(timedelta() <= one < timedelta(minutes=10) for one in moved)
    assert len(set(moved)) > 30
    again: list[datetime] = []
    for step in range(2 * 24 * 60):
        since = utc(2026, 1, 1) + step * MINUTE
        again += due(trigger, since, since + MINUTE, since)
    assert again == found


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("run_once", [11]), ("run_all", [8, 9, 10, 11]), ("skip", [])],
    ids=["the latest", "all within the horizon", "none"],
)
def test_what_was_missed(missed: str, expected: list[int]) -> None:
    trigger = scheduled(cron="0 * * * *", missed=missed, missed_within="4h")
    found = due(trigger, utc(2026, 1, 1, 2, 30), utc(2026, 1, 1, 12, 20), utc(2026, 1, 1, 11, 30))
    assert [tick.hour for tick in found] == [*expected, 12]


@pytest.mark.parametrize(("missed", "replied"), [("run_once", 1), ("run_all", 3), ("skip", 0)])
async def test_a_restart_after_hours_catches_up_once(
    world: World, agent: ScriptedAgent, timing: Timing, missed: str, replied: int
) -> None:
    agent.script = lambda _: [answer("The summary.")]
    world.room(CID)
    book = ScheduleBook(Storage.in_memory(), now=timing.now)
    spec = {"triggers": [{"schedule": {"cron": "5 * * * *", "missed": missed, "do": "Sum up."}}]}
    for pause in (3 * 3600, 30, 30):
        running = Running(world, agent, timing=timing, definition=spec)
        running.bot.schedules = book
        async with running:
            await asyncio.sleep(60)
        await asyncio.sleep(pause)
    assert len(replies(world)) == replied


async def test_a_schedule_that_is_new_begins_with_now(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    await asyncio.sleep(10 * 60)
    running = Running(world, agent, timing=timing, definition=HOURLY)
    running.bot.schedules = ScheduleBook(Storage.in_memory(), now=timing.now)
    async with running:
        await asyncio.sleep(60)
    assert replies(world) == []


async def test_a_paused_schedule_is_silent_until_it_is_resumed(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    agent.script = lambda _: [answer("The summary.")]
    world.room(CID)
    spec = {"triggers": [{"schedule": {"name": "hourly", "cron": "5 * * * *", "do": "Sum up."}}]}
    running = Running(world, agent, timing=timing, definition=spec)
    pauses = running.bot.pauses = Pauses(Storage.in_memory(), now=timing.now, monotonic=timing.monotonic)
    async with running:
        await pauses.pause(running.bot.name, schedule_place("hourly"), "ann")
        await asyncio.sleep(2 * 3600)
        assert replies(world) == []
        await pauses.resume(running.bot.name, schedule_place("hourly"))
        await asyncio.sleep(3600)
    assert len(replies(world)) == 1
