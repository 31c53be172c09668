"""What people do while the bot thinks: stop it, edit the question, delete it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from framework.agent.conversation import TextDelta
from framework.engine.local import LocalEngine
from framework.engine.port import Execution, FencedError, Handler, Job, JobResult, OnBroadcast
from framework.errors import ModelError
from framework.stream.model import User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer, slowly
from tests.support.bots import CID, Running
from tests.support.chat import World

Logs = list[dict[str, object]]
CARL = User("carl", "Carl", role="moderator")
QUIET = {"conditions": {"quiet_after_person": "10m"}}


async def test_stop_ends_the_generation_and_keeps_what_was_shown(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two ", "three ", "four", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Count")
        await asyncio.sleep(2.5)
        world.stop(CID, bot.replied(message).id)
        await asyncio.sleep(0.1)
        reply = bot.replied(message)
        assert (reply.text, reply.generating) == ("one two ", False)
        assert reply.custom["stopped"] is True
        assert reply.custom["reply_to"] == message.id
        assert bot.service.states[reply.id][-1] is None
        assert agent.working == 0
        await asyncio.sleep(200)
        assert bot.replied(message).text == "one two "


async def test_stop_without_a_message_ends_the_one_being_generated_there(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    world.room("messaging:support-2")
    agent.script = slowly("one ", "two", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        here = world.post(CID, "Count")
        there = world.post("messaging:support-2", "Count")
        await asyncio.sleep(1.5)
        world.stop(CID)
        await asyncio.sleep(5)
        assert bot.replied(here).text == "one "
        assert bot.replied(there).text == "one two"


async def test_stop_before_any_text_leaves_a_reply_that_is_complete(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("one", pause=10)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Count")
        await asyncio.sleep(1)
        world.stop(CID)
        await asyncio.sleep(1)
        reply = bot.replied(message)
        assert (reply.text, reply.generating, reply.custom["stopped"]) == ("…", False, True)
    again = ScriptedAgent()
    async with Running(world, again, timing=timing):
        await asyncio.sleep(5)
    assert again.asked == []


async def test_stop_frees_the_channel_for_the_next_question(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(1000), answer("late")] if c.question == "slow" else [answer("quick")]
    async with Running(world, agent, timing=timing) as bot:
        world.post(CID, "slow")
        second = world.post(CID, "fast")
        await asyncio.sleep(5)
        assert bot.reply_to(second) is None
        world.stop(CID)
        await asyncio.sleep(1)
        assert bot.replied(second).text == "quick"


async def test_an_edit_while_it_thinks_restarts_into_the_same_reply(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda c: [TextDelta("Thinking of "), Pause(5), answer(f"About {c.question}")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "cats")
        await asyncio.sleep(1)
        world.edit(message, "dogs")
        await asyncio.sleep(1)
        world.edit(message, "birds")
        await asyncio.sleep(10)
        assert bot.replied(message).text == "About birds"
        assert bot.service.calls["send"] == 1
    assert agent.questions == ["cats", "dogs", "birds"]
    assert len(world.messages(CID)) == 2


async def test_an_edit_after_the_answer_changes_nothing(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "cats")
        await asyncio.sleep(1)
        world.edit(message, "dogs")
        await asyncio.sleep(200)
        assert bot.replied(message).text == "You said: cats"
    assert agent.questions == ["cats"]


async def test_an_edit_while_it_waits_for_its_turn_is_answered_as_it_is_then(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(5), answer(c.question)]
    async with Running(world, agent, timing=timing) as bot:
        world.post(CID, "first")
        second = world.post(CID, "second")
        await asyncio.sleep(1)
        world.edit(second, "changed")
        await asyncio.sleep(20)
        assert bot.replied(second).text == "changed"


async def test_an_edit_that_takes_the_text_away_gets_the_phrase_for_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("one", pause=5)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "cats")
        await asyncio.sleep(1)
        world.edit(message, " ")
        await asyncio.sleep(1)
        assert bot.replied(message).text == bot.definition.phrases.no_text


async def test_a_question_deleted_while_it_thinks_takes_the_reply_with_it(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "cats")
        await asyncio.sleep(1.5)
        assert bot.replied(message).generating
        world.delete(message.id)
        await asyncio.sleep(200)
        assert bot.reply_to(message) is None
    assert agent.working == 0
    assert [e["reason"] for e in logs if e.get("answer") is False] == ["question was deleted"]


async def test_a_question_deleted_while_it_waits_is_not_answered(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(5), answer(c.question)]
    async with Running(world, agent, timing=timing) as bot:
        world.post(CID, "first")
        soft = world.post(CID, "second")
        hard = world.post(CID, "third")
        await asyncio.sleep(1)
        world.delete(soft.id)
        world.delete(hard.id, hard=True)
        await asyncio.sleep(200)
        assert bot.reply_to(soft) is None
        assert bot.reply_to(hard) is None
    assert agent.questions == ["first"]


async def test_a_question_deleted_in_the_last_write_takes_the_reply_with_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.latency["send"] = 2
        message = world.post(CID, "cats")
        await asyncio.sleep(1)
        world.delete(message.id)
        await asyncio.sleep(10)
        assert bot.reply_to(message) is None


async def test_a_reply_deleted_while_it_is_written_is_not_written_again(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "cats")
        await asyncio.sleep(1.5)
        world.delete(bot.replied(message).id)
        await asyncio.sleep(200)
        assert bot.replied(message).kind == "deleted"
    assert [e["reason"] for e in logs if e.get("answer") is False] == ["the reply was deleted while it was written"]


async def test_a_stop_or_an_edit_in_the_last_write_comes_too_late(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda c: [TextDelta("half"), Pause(1), answer(f"the whole of {c.question}")]
    async with Running(world, agent, timing=timing) as bot:
        bot.service.latency["update_message"] = 2
        message = world.post(CID, "it")
        await asyncio.sleep(2)
        world.stop(CID)
        world.edit(message, "that")
        await asyncio.sleep(10)
        reply = bot.replied(message)
        assert (reply.text, "stopped" in reply.custom) == ("the whole of it", False)
    assert agent.questions == ["it"]


class Lost(LocalEngine):
    """An engine whose jobs are another replica's as soon as a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = False

    async def start(
        self,
        handler: Handler,
        *,
        scopes: Collection[str] | None = None,
        on_broadcast: OnBroadcast | None = None,
        hears: bool = True,
    ) -> None:
        async def handle(job: Job, execution: Execution) -> JobResult:
            return await handler(job, _Fenced(self, execution))

        await super().start(handle, scopes=scopes, on_broadcast=on_broadcast, hears=hears)


class _Fenced:
    """An execution that is lost as its engine says."""

    def __init__(self, engine: Lost, execution: Execution) -> None:
        self._engine = engine
        self._execution = execution

    @property
    def attempt(self) -> int:
        return self._execution.attempt

    @property
    def crashes(self) -> int:
        return self._execution.crashes

    def saved(self, step: str) -> Any | None:
        return self._execution.saved(step)

    async def save(self, step: str, value: Any) -> None:
        await self.check()
        await self._execution.save(step, value)

    async def check(self) -> None:
        if self._engine.lost:
            raise FencedError("Another replica has taken it over.")


@pytest.mark.parametrize("meanwhile", ["nothing", "stop", "delete", "failure"])
async def test_a_turn_that_is_another_replica_s_now_leaves_the_channel_alone_whatever_people_do(
    meanwhile: str, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    engine = Lost()
    last = [ModelError("down")] if meanwhile == "failure" else [TextDelta("more"), answer("all of it")]
    agent.script = lambda _: [TextDelta("half"), Pause(5), *last]
    async with Running(world, agent, timing=timing, engine=engine) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(2)
        before = bot.replied(message)
        engine.lost = True
        if meanwhile == "stop":
            world.stop(CID)
        if meanwhile == "delete":
            world.delete(message.id)
        writes = {call: bot.service.calls[call] for call in ("send", "update_message", "stream_update", "delete")}
        await asyncio.sleep(20)
        assert bot.replied(message) == before
        assert {call: bot.service.calls[call] for call in writes} == writes
        assert agent.working == 0


async def test_a_person_of_the_team_who_is_quicker_has_the_question(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = lambda _: [Pause(5), answer("Press the button.")]
    async with Running(world, agent, timing=timing, definition=QUIET) as bot:
        question = world.post(CID, "How do I pair it?")
        await asyncio.sleep(2)
        world.post(CID, "Elsewhere", user=CARL, parent=question.id)
        await asyncio.sleep(1)
        assert bot.reply_to(question) is not None  # an empty one, as it thinks
        world.post(CID, "I will show you", user=CARL)
        await asyncio.sleep(10)
        assert bot.reply_to(question) is None or bot.replied(question).deleted_at is not None
    reasons = [entry.get("reason") for entry in logs if entry.get("message") == question.id]
    assert "Carl of the team wrote meanwhile" in reasons


async def test_an_answer_that_people_read_already_is_finished_whoever_writes(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("one ", "two ", "three", pause=1)
    async with Running(world, agent, timing=timing, definition=QUIET) as bot:
        question = world.post(CID, "Count")
        await asyncio.sleep(1.5)
        world.post(CID, "I am here, too", user=CARL)
        await asyncio.sleep(5)
        assert bot.replied(question).text == "one two three"


async def test_a_question_that_the_team_took_up_while_the_bot_was_away_is_theirs(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    first, second = world.room(CID), world.room("messaging:support-2")
    async with Running(world, agent, timing=timing, definition=QUIET):
        await asyncio.sleep(1)
    taken = world.post(str(first.ref), "How do I pair it?")
    left = world.post(str(second.ref), "How do I pair it?")
    world.post(CID, "Press the button", user=CARL)
    await asyncio.sleep(60)
    async with Running(world, agent, timing=timing, definition=QUIET) as bot:
        await asyncio.sleep(5)
        assert bot.reply_to(taken) is None
        assert bot.replied(left).text
