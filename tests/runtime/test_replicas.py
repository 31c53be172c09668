"""Several replicas of a bot on one database: each message is answered once, whatever becomes of one of them.

In real time: the database is a file, written by threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from framework.agent.conversation import AgentEvent, Conversation
from framework.engine.durable import DurableEngine
from framework.engine.opening import open_engine
from framework.runtime.core.bot import Limits
from framework.stream.model import Message, MessageDeleted, MessageNew, MessageUpdated, StopRequested
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, TextDelta, answer
from tests.support.bots import CID, Running
from tests.support.chat import World
from tests.support.engines import UNHURRIED, listens
from tests.support.waiting import until

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


async def opened(folder: Path) -> DurableEngine:
    url = f"sqlite:///{folder / 'engine.db'}"
    return await asyncio.to_thread(open_engine, url, concurrency=100, rhythm=UNHURRIED)


@asynccontextmanager
async def replica(
    world: World,
    agent: ScriptedAgent,
    timing: Timing,
    folder: Path,
    *,
    connected: bool = True,
    definition: dict[str, Any] | None = None,
) -> AsyncIterator[Running]:
    engine = await opened(folder)
    try:
        async with Running(
            world, agent, timing=timing, limits=LIMITS, engine=engine, connected=connected, definition=definition
        ) as running:
            yield running
    finally:
        await engine.close()


async def kept(bot: Running, message: Message, step: str) -> bool:
    """Whether a step of the turn for this message was saved."""
    record = await bot.engine.record(bot.bot.ids.of(message.id).job)
    return record is not None and step in record.steps


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
        await until(lambda: first.reply_to(asked) and kept(first, asked, "context"))
        world.edit(one, "changed")
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
        await until(lambda: kept(first, asked, "answer"))
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
        engine = await opened(tmp_path)
        stack.push_async_callback(engine.close)
        other = Running(
            world, ScriptedAgent(), timing=timing, limits=LIMITS, definition=sales, name="sales", engine=engine
        )
        await stack.enter_async_context(other)
        here = [world.post(CID, f"q{n}") for n in range(10)]
        there = [world.post("messaging:sales-1", f"q{n}") for n in range(10)]
        await until(lambda: complete(support, here) and complete(other, there))
        # A turn is settled a moment after its reply is complete: each process waits for those of its own bot.
        await asyncio.gather(support.engine.settled(), other.engine.settled())
        done = await support.engine.records(["settled"])
    assert support.agent.questions == other.agent.questions == [f"q{n}" for n in range(10)]
    assert [record.attempts for record in done] == [1] * 20


async def test_a_turn_that_a_newer_program_wrote_is_left_to_it_and_answered(
    world: World, timing: Timing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.room(CID)
    agent = ScriptedAgent()
    monkeypatch.setattr("framework.runtime.core.job.VERSION", 2)
    async with replica(world, agent, timing, tmp_path) as older:
        message = world.post(CID, "Hi")
        key = older.bot.ids.of(message.id).job
        await until(lambda: _was_left_alone(older, key))
        assert await older.engine.records(["dead"]) == []
        assert not agent.questions
    monkeypatch.setattr("framework.runtime.bots.VERSION", 2)
    async with replica(world, agent, timing, tmp_path) as newer:
        await until(lambda: complete(newer, [message]))
    assert agent.questions == ["Hi"]


async def _was_left_alone(bot: Running, key: str) -> bool:
    record = await bot.engine.record(key)
    return record is not None and record.attempts > 1 and "newer version" in record.error


async def test_turns_of_another_app_in_the_same_database_are_left_to_who_speaks_there(
    timing: Timing, tmp_path: Path
) -> None:
    """The same channel and the same bot user, in the sandbox and in production."""
    sandbox, production = World(timing, app="sandbox"), World(timing, app="production")
    for world in (sandbox, production):
        world.room(CID)
    slow = ScriptedAgent(lambda _: [Pause(60), answer("late")])
    async with replica(sandbox, slow, timing, tmp_path) as first:
        asked = sandbox.post(CID, "in the sandbox")
        await until(lambda: first.service.calls["typing"] or slow.asked)
    async with replica(production, ScriptedAgent(), timing, tmp_path) as other:
        elsewhere = production.post(CID, "in production", id="another")
        await until(lambda: complete(other, [elsewhere]))
        (left,) = await other.engine.records(["waiting"])
        assert left.job.payload["trigger"]["text"] == "in the sandbox"
        assert other.agent.questions == ["in production"]
    async with replica(sandbox, ScriptedAgent(), timing, tmp_path) as again:
        await until(lambda: complete(again, [asked]))


async def test_a_stop_an_edit_and_a_deletion_reach_the_turn_wherever_it_is(
    world: World, timing: Timing, tmp_path: Path
) -> None:
    """Webhooks alone: an event is brought to one replica, and the turn runs in another."""
    cids = [f"messaging:support-{n}" for n in range(3)]
    for cid in cids:
        world.room(cid)
    agent = ScriptedAgent(
        lambda c: [answer("again")] if c.question == "edited" else [TextDelta("half"), Pause(60), answer("whole")]
    )
    definition = {"reply": {"supersede": True}}
    async with AsyncExitStack() as stack:
        at_work = await stack.enter_async_context(
            replica(world, agent, timing, tmp_path, connected=False, definition=definition)
        )
        asked = [world.post(cid, "Hi", announce=False) for cid in cids]
        for message in asked:
            await at_work.deliver(MessageNew(message))
        await until(lambda: all(at_work.reply_to(message) for message in asked))
        silent = ScriptedAgent(lambda _: [Pause(60), answer("never")])
        other = await stack.enter_async_context(
            replica(world, silent, timing, tmp_path, connected=False, definition=definition)
        )
        await until(lambda: all(listens(bot.engine) for bot in (at_work, other)))  # type: ignore[arg-type]  # durable ones
        stopped, edited, deleted = asked
        await other.deliver(StopRequested(stopped.channel, "ann"))
        world.edit(edited, "edited")
        await other.deliver(MessageUpdated(world.message(edited.id)))
        world.delete(deleted.id)
        await other.deliver(MessageDeleted(deleted.channel, deleted.id))
        await until(lambda: complete(at_work, [stopped, edited]) and at_work.reply_to(deleted) is None)
        assert at_work.replied(stopped).text == "half"
        assert at_work.replied(edited).text == "again"
        assert silent.asked == []
