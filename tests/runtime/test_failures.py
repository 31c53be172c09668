"""What goes wrong, and that nobody is left without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from framework.agent.conversation import TextDelta
from framework.engine.local import LocalEngine
from framework.engine.port import Execution, Handler, Job, JobResult, OnBroadcast
from framework.errors import ModelError
from framework.runtime.core.bot import Limits
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer, echo, slowly
from tests.support.bots import CID, Running
from tests.support.chat import World

Logs = list[dict[str, object]]


class Deadly(LocalEngine):
    """An engine that says of every job that so many tries ended with their process."""

    def __init__(self, crashes: int) -> None:
        super().__init__()
        self.crashes = crashes

    async def start(
        self,
        handler: Handler,
        *,
        scopes: Collection[str] | None = None,
        on_broadcast: OnBroadcast | None = None,
        hears: bool = True,
    ) -> None:
        async def handle(job: Job, execution: Execution) -> JobResult:
            execution.crashes = self.crashes  # type: ignore[misc]  # the port does not write it, but the twin's row can
            return await handler(job, execution)

        await super().start(handle, scopes=scopes, on_broadcast=on_broadcast, hears=hears)


@pytest.mark.parametrize("error", [ModelError("quota is used up"), ZeroDivisionError("oops"), TimeoutError()])
@pytest.mark.parametrize("begun", [True, False])
async def test_an_agent_that_fails_is_apologised_for(
    error: Exception, begun: bool, world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = lambda _: [TextDelta("Well, "), Pause(1), error] if begun else [error]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(3)
        reply = bot.replied(message)
        assert (reply.text, reply.generating) == (bot.definition.phrases.apology, False)
        assert reply.custom["outcome"] == "failed"
        assert bot.service.states[reply.id][-1:] in ([], [None])
        failed = [entry for entry in logs if entry["event"] == "turn.failed"]
        assert len(failed) == 1
        assert failed[0]["level"] == "error"
        agent.script = echo
        after = world.post(CID, "Again?")
        await asyncio.sleep(3)
        assert bot.replied(after).text == "You said: Again?"
    assert len(agent.asked) == 2
    assert [u.text for u in agent.asked[1].utterances] == ["Hi", "Again?"]


async def test_a_model_that_is_down_for_a_moment_is_asked_again_before_anybody_is_told(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    down = ModelError("overloaded", retryable=True)
    agent.script = lambda _: [TextDelta("Well, "), Pause(1), down] if len(agent.asked) < 3 else [answer("Here it is.")]
    async with Running(world, agent, timing=timing) as bot:
        message, later = world.post(CID, "Hi"), world.post(CID, "Still there?")
        await asyncio.sleep(3)
        assert bot.replied(message).generating
        await asyncio.sleep(30)
        assert (bot.replied(message).text, bot.replied(message).generating) == ("Here it is.", False)
        assert bot.replied(later).created_at > bot.replied(message).created_at
    assert len(world.messages(CID)) == 4


async def test_a_model_that_stays_down_is_apologised_for(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda _: [ModelError("overloaded", retryable=True)]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(bot.limits.model_patience + 15)
        assert bot.replied(message).text == bot.definition.phrases.apology
    assert 1 < len(agent.asked) < 6


async def test_an_agent_that_cannot_even_begin_is_apologised_for(
    world: World, agent: ScriptedAgent, timing: Timing, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    def broken(_: object) -> None:
        raise TypeError("a bug")

    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        monkeypatch.setattr(agent, "stream", broken)
        message = world.post(CID, "Hi")
        await asyncio.sleep(3)
        assert bot.replied(message).text == bot.definition.phrases.apology
        assert bot.replied(message).custom["outcome"] == "failed"
    assert [type(entry["exc_info"]) for entry in logs if entry["event"] == "turn.failed"] == [TypeError]


async def test_an_agent_without_an_answer_is_a_failure(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda _: []
    async with Running(world, agent, timing=timing) as bot:
        first = world.post(CID, "Hi")
        await asyncio.sleep(1)
        agent.script = lambda _: [answer("  ")]
        second = world.post(CID, "Hi?")
        await asyncio.sleep(1)
        assert bot.replied(first).custom["outcome"] == bot.replied(second).custom["outcome"] == "failed"


async def test_an_agent_that_hangs_does_not_hold_the_channel_for_ever(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(1e9)] if c.question == "slow" else [answer("quick")]
    async with Running(world, agent, timing=timing, limits=Limits(generation=100)) as bot:
        slow = world.post(CID, "slow")
        fast = world.post(CID, "fast")
        await asyncio.sleep(120)
        assert bot.replied(slow).custom["outcome"] == "failed"
        assert bot.replied(fast).text == "quick"


@pytest.mark.parametrize("call", ["info", "recent", "send"])
async def test_a_service_that_fails_is_tried_again_until_it_is_back(
    call: str, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("view", times=20)  # so that all is read by itself
        bot.service.fail(call, times=3)
        message = world.post(CID, "Hi")
        await asyncio.sleep(2)
        assert bot.reply_to(message) is None
        await asyncio.sleep(60)
        assert bot.replied(message).text == "You said: Hi"
    assert len(world.messages(CID)) == 2


async def test_a_final_write_that_fails_is_made_up_for_in_the_same_message(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("update_message", times=2)
        message = world.post(CID, "Hi")
        await asyncio.sleep(3.5)
        assert bot.replied(message).generating
        await asyncio.sleep(60)
        reply = bot.replied(message)
        assert (reply.text, reply.generating) == ("one two", False)
    assert len(world.messages(CID)) == 2


async def test_the_next_question_waits_until_the_failed_one_is_answered(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("send", times=2)
        first = world.post(CID, "first")
        second = world.post(CID, "second")
        await asyncio.sleep(10)
        assert bot.reply_to(second) is None
        await asyncio.sleep(60)
        assert bot.replied(first).created_at < bot.replied(second).created_at


async def test_the_next_question_waits_no_longer_once_the_failed_one_is_dead(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    horizon = {"catch_up": {"horizon": "10m"}}
    async with Running(world, agent, timing=timing, definition=horizon) as bot:
        bot.service.fail("send", times=10_000)
        first = world.post(CID, "first")
        await asyncio.sleep(300)
        second = world.post(CID, "second")
        await asyncio.sleep(400)
        bot.service.heal()
        await asyncio.sleep(60)
        assert bot.reply_to(first) is None
        assert bot.replied(second).text == "You said: second"
        assert [record.job.payload["trigger"]["text"] for record in await bot.engine.records(["dead"])] == ["first"]


async def test_a_turn_in_which_the_process_dies_again_and_again_is_given_up_with_an_apology(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    engine = Deadly(crashes=Limits().crashes)
    async with Running(world, agent, timing=timing, engine=engine) as bot:
        poison = world.post(CID, "poison")
        await asyncio.sleep(1)
        assert bot.replied(poison).text == bot.definition.phrases.apology
        (dead,) = await engine.records(["dead"])
        assert f"{Limits().crashes} times" in dead.error
        engine.crashes -= 1
        harmless = world.post(CID, "harmless")
        await asyncio.sleep(1)
        assert bot.replied(harmless).text == "You said: harmless"
    assert agent.questions == ["harmless"]


async def test_a_retry_from_the_dead_letters_puts_the_answer_in_the_place_of_the_apology(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [ModelError("quota is used up")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(1)
        apology = bot.replied(message)
        agent.script = echo
        assert await bot.engine.retry(bot.bot.ids.of(message.id).job)
        await asyncio.sleep(1)
        reply = bot.replied(message)
        assert (reply.id, reply.text) == (apology.id, "You said: Hi")
        assert reply.custom["outcome"] == "answered"
        assert await bot.engine.records(["dead"]) == ()
    assert len(world.messages(CID)) == 2


async def test_a_service_that_stays_down_is_not_hammered(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("send", times=10_000)
        world.post(CID, "Hi")
        await asyncio.sleep(3600)
        assert 50 < bot.service.calls["send"] <= 75


async def test_a_refusal_for_good_is_not_repeated(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("send", times=10, retryable=False, what="the channel is frozen")
        world.post(CID, "Hi")
        await asyncio.sleep(3600)
        assert bot.service.calls["send"] == 1
    assert [entry["error"] for entry in logs if entry["event"] == "turn.failed"] == ["the channel is frozen"]


async def test_a_read_receipt_that_fails_costs_nothing(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("mark_read", times=5)
        message = world.post(CID, "Hi")
        await asyncio.sleep(1)
        assert bot.reply_to(message)
