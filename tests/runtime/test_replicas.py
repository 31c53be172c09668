"""Several replicas of a bot on one database: each message is answered once, whatever becomes of one of them.

In real time: the database is a file, written by threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from framework.agent.conversation import AgentEvent, Conversation
from framework.engine.durable import open_engine
from framework.runtime.bot import Limits
from framework.stream.model import Message
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, TextDelta, answer
from tests.support.bots import CID, Running
from tests.support.chat import World

LIMITS = Limits(head_start=0.01, shutdown=0.5, first_retry=0.1, last_retry=0.2, reconciliation=0.5)


@pytest.fixture
def timing() -> Timing:
    return Timing()


class KeepingAgent(ScriptedAgent):
    """Keeps its answer, as the real one does, and does not make it twice."""

    async def stream(self, conversation: Conversation) -> AsyncIterator[AgentEvent]:
        assert conversation.steps is not None
        kept = conversation.steps.saved("answer")
        if kept is None:
            async for event in super().stream(conversation):
                yield event
            await conversation.steps.save("answer", "made before")
        yield answer(kept or "made now")


async def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not look():
        if time.monotonic() > deadline:
            pytest.fail("It did not happen within ten seconds.")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def replica(world: World, agent: ScriptedAgent, timing: Timing, folder: Path) -> AsyncIterator[Running]:
    engine = await asyncio.to_thread(open_engine, f"sqlite:///{folder / 'engine.db'}", concurrency=100)
    try:
        async with Running(world, agent, timing=timing, limits=LIMITS, engine=engine) as running:
            yield running
    finally:
        await engine.close()


def complete(bot: Running, messages: Sequence[Message]) -> bool:
    replies = [bot.reply_to(message) for message in messages]
    return all(reply is not None and not reply.generating for reply in replies)


async def test_two_replicas_answer_each_message_once_and_in_order(world: World, timing: Timing, tmp_path: Path) -> None:
    rooms = [f"messaging:support-{n}" for n in range(8)]
    for cid in rooms:
        world.room(cid)
    agents = [ScriptedAgent(lambda c: [Pause(0.02), answer(f"re {c.question}")]) for _ in range(2)]
    async with AsyncExitStack() as stack:
        bots = [await stack.enter_async_context(replica(world, agent, timing, tmp_path)) for agent in agents]
        messages = [world.post(cid, f"q{n}") for n in range(5) for cid in rooms]
        await until(lambda: complete(bots[0], messages))
        await asyncio.sleep(2 * LIMITS.reconciliation)
        assert sum(bot.service.calls["send"] for bot in bots) == 40
        assert sorted(q for agent in agents for q in agent.questions) == sorted(m.text for m in messages)
        for cid in rooms:
            assert [m.text for m in world.messages(cid) if m.ai_generated] == [f"re q{n}" for n in range(5)]


async def test_a_turn_that_a_replica_gave_back_goes_on_in_the_same_message_with_the_same_conversation(
    world: World, timing: Timing, tmp_path: Path
) -> None:
    world.room(CID)
    slow = ScriptedAgent(lambda c: [TextDelta("ha"), *([Pause(60)] if c.question == "slow" else []), answer("half")])
    quick = ScriptedAgent(lambda c: [answer(" / ".join(u.text for u in c.utterances))])
    async with replica(world, slow, timing, tmp_path) as first:
        one = world.post(CID, "one")
        await until(lambda: complete(first, [one]))
        asked = world.post(CID, "slow")
        await until(lambda: first.reply_to(asked))
        world.edit(one, "changed")
        await asyncio.sleep(0.2)
    begun = first.replied(asked)
    assert begun.generating
    async with replica(world, quick, timing, tmp_path) as second:
        await until(lambda: complete(second, [asked]))
        assert second.replied(asked).text == "one / half / slow"
        assert second.service.calls["send"] == 0
    assert len(world.messages(CID)) == 4


async def test_an_answer_that_was_made_is_not_made_again(world: World, timing: Timing, tmp_path: Path) -> None:
    world.room(CID)
    first_agent, second_agent = KeepingAgent(), KeepingAgent()
    async with replica(world, first_agent, timing, tmp_path) as first:
        first.service.latency["send"] = 60
        asked = world.post(CID, "Hi")
        await until(lambda: first.service.calls["send"])
        await asyncio.sleep(0.2)
    assert first.reply_to(asked) is None
    async with replica(world, second_agent, timing, tmp_path) as second:
        await until(lambda: complete(second, [asked]))
        assert second.replied(asked).text == "made before"
    assert (len(first_agent.asked), len(second_agent.asked)) == (1, 0)


async def test_what_was_answered_and_taken_away_is_not_answered_again(
    world: World, timing: Timing, tmp_path: Path
) -> None:
    world.room(CID)
    async with replica(world, ScriptedAgent(), timing, tmp_path) as first:
        asked = world.post(CID, "Hi")
        await until(lambda: complete(first, [asked]))
        world.delete(first.replied(asked).id, hard=True)
        await until(lambda: first.service.calls["look"] >= 2)
    async with replica(world, ScriptedAgent(), timing, tmp_path) as second:
        await until(lambda: second.service.calls["look"] >= 2)
    assert [message.text for message in world.messages(CID)] == ["Hi"]


async def test_a_bot_that_runs_elsewhere_is_left_its_turns(world: World, timing: Timing, tmp_path: Path) -> None:
    """Two bots, each in a process of its own, on one database."""
    sales = {"channels": ["messaging:sales-*"], "identity": {"user_id": "sales-bot", "name": "Sales"}}
    world.room(CID)
    world.room("messaging:sales-1")
    async with AsyncExitStack() as stack:
        support = await stack.enter_async_context(replica(world, ScriptedAgent(), timing, tmp_path))
        engine = await asyncio.to_thread(open_engine, f"sqlite:///{tmp_path / 'engine.db'}")
        stack.push_async_callback(engine.close)
        other = Running(
            world, ScriptedAgent(), timing=timing, limits=LIMITS, definition=sales, name="sales", engine=engine
        )
        await stack.enter_async_context(other)
        here = [world.post(CID, f"q{n}") for n in range(10)]
        there = [world.post("messaging:sales-1", f"q{n}") for n in range(10)]
        await until(lambda: complete(support, here) and complete(other, there))
    assert support.agent.questions == other.agent.questions == [f"q{n}" for n in range(10)]
