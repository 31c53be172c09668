"""Several bots in one process: they start, and they stop within a deadline."""

from __future__ import annotations

import asyncio
import gc

import pytest

from framework.errors import FrameworkError, UsageError
from framework.runtime.process import run_bots
from framework.stream.model import MessageNew
from framework.stream.timing import Timing
from framework.testing.timers import LoopTimers
from tests.support.agent import ScriptedAgent, answer, slowly
from tests.support.bots import CID, Running
from tests.support.chat import World

Logs = list[dict[str, object]]


async def test_a_stop_lets_the_turn_in_flight_finish(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        waiting = world.post(CID, "Hi again")
        await asyncio.sleep(1.5)
    reply = bot.replied(message)
    assert (reply.text, reply.generating) == ("one two", False)
    assert bot.reply_to(waiting) is None
    assert bot.service.closed


async def test_a_stop_cancels_what_takes_too_long_and_leaves_it_recoverable(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two", pause=30)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(31)
        began = timing.monotonic()
    assert timing.monotonic() - began <= 5
    assert bot.replied(message).generating
    async with Running(world, ScriptedAgent(lambda _: [answer("done")]), timing=timing) as bot:
        await asyncio.sleep(1)
        assert bot.replied(message).text == "done"


async def test_a_stop_during_the_start_ends_it(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    bot = Running(world, agent, timing=timing)
    bot.service.latency["find_channels"] = 1000
    run = bot.start()
    await asyncio.sleep(1)
    bot.stop.set()
    await asyncio.wait_for(run, 5)


async def test_a_service_that_hangs_at_closing_does_not_hold_up_the_end(
    world: World, agent: ScriptedAgent, timing: Timing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async with Running(world, agent, timing=timing) as bot:
        monkeypatch.setattr(bot.service, "close", hang)
        began = timing.monotonic()
    assert timing.monotonic() - began <= 5


async def test_events_that_end_by_themselves_end_the_run_with_an_error(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    bot = Running(world, agent, timing=timing)
    run = bot.start()
    await bot.until_ready()
    await bot.service.close()
    with pytest.raises(FrameworkError, match="events ended"):
        await run


async def test_a_background_task_that_dies_ends_the_run_with_an_error_that_is_logged(
    world: World, agent: ScriptedAgent, timing: Timing, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    async def burst(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    bot = Running(world, agent, timing=timing)
    run = bot.start()
    await bot.until_ready()
    monkeypatch.setattr(bot.service, "find_channels", burst)
    with pytest.raises(FrameworkError, match="ZeroDivisionError: a bug"):
        await asyncio.wait_for(run, 10)
    assert "run.failed" in [entry["event"] for entry in logs]
    assert bot.service.closed


async def test_a_bug_in_taking_events_in_ends_the_run(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    bot = Running(world, agent, timing=timing)
    run = bot.start()
    await bot.until_ready()
    bot.service.put(MessageNew(None))  # type: ignore[arg-type]  # a bug of the service's adapter
    with pytest.raises(FrameworkError, match="AttributeError"):
        await asyncio.wait_for(run, 10)


async def test_a_ready_callback_that_fails_is_not_swallowed(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    bot = Running(world, agent, timing=timing)

    def broken() -> None:
        raise OSError("stdout is closed")

    with pytest.raises(FrameworkError, match="stdout is closed"):
        await run_bots([bot.bot], stop=asyncio.Event(), ready=broken, timing=timing, timers=LoopTimers())


async def test_several_bots_share_a_process(world: World, timing: Timing) -> None:
    sales = {"channels": ["messaging:sales-*"], "identity": {"user_id": "sales-bot", "name": "Sales"}}
    first = Running(world, ScriptedAgent(), timing=timing)
    second = Running(world, ScriptedAgent(lambda _: [answer("sold")]), timing=timing, definition=sales, name="sales")
    world.room(CID)
    world.room("messaging:sales-1")
    stop, ready = asyncio.Event(), asyncio.Event()
    run = asyncio.create_task(
        run_bots([first.bot, second.bot], stop=stop, ready=ready.set, timing=timing, timers=LoopTimers())
    )
    await ready.wait()
    here, there = world.post(CID, "Hi"), world.post("messaging:sales-1", "Hi")
    await asyncio.sleep(1)
    stop.set()
    await run
    assert first.replied(here).text == "You said: Hi"
    assert second.replied(there).text == "sold"


async def test_two_bots_of_one_name_are_refused(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    bot = Running(world, agent, timing=timing).bot
    with pytest.raises(UsageError, match="support_bot"):
        await run_bots([bot, bot], stop=asyncio.Event())


async def test_one_bot_s_end_stops_the_others_cleanly(world: World, timing: Timing) -> None:
    first = Running(world, ScriptedAgent(), timing=timing)
    second = Running(world, ScriptedAgent(), timing=timing, name="second")
    second.service.fail("open", what="wrong key", retryable=False)
    with pytest.raises(FrameworkError, match="wrong key"):
        await run_bots([first.bot, second.bot], stop=asyncio.Event(), timing=timing, timers=LoopTimers())
    assert first.service.closed
    assert second.service.closed


async def test_garbage_is_looked_for_rarely_while_bots_run(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    before = gc.get_threshold()
    async with Running(world, agent, timing=timing):
        assert gc.get_threshold()[0] > 10_000
    assert gc.get_threshold() == before
