"""Where and in which shape replies stand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framework.agent.conversation import Answer, Finished
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, TextDelta, answer, slowly
from tests.support.bots import CID, Running
from tests.support.chat import World


def spec(**reply: Any) -> dict[str, Any]:
    return {"reply": reply}


@pytest.mark.parametrize(
    ("place", "below_question", "in_thread"), [("same", False, True), ("thread", True, True), ("channel", False, False)]
)
async def test_a_reply_stands_where_the_bot_says(
    world: World, agent: ScriptedAgent, timing: Timing, place: str, below_question: bool, in_thread: bool
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=spec(place=place)) as bot:
        question = world.post(CID, "Hello")
        await asyncio.sleep(1)
        assert bot.replied(question).parent_id == (question.id if below_question else None)
        follow_up = world.post(CID, "And this?", parent=question.id)
        await asyncio.sleep(1)
        assert bot.replied(follow_up).parent_id == (question.id if in_thread else None)
    # A new process finds every answer, wherever it stands.
    async with Running(world, agent, timing=timing, definition=spec(place=place)):
        await asyncio.sleep(2)
    assert len(agent.asked) == 2


async def test_an_answer_posted_whole_shows_nothing_before(world: World, timing: Timing) -> None:
    agent = ScriptedAgent(slowly("one ", "two ", "three", pause=1.0))
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=spec(stream=False)) as bot:
        question = world.post(CID, "Hello")
        await asyncio.sleep(3)
        assert bot.reply_to(question) is None
        await asyncio.sleep(3)
        assert bot.replied(question).text == "one two three"
        assert bot.service.streamed == {}
        assert bot.service.states[bot.replied(question).id]


async def test_states_and_typing_are_shown_as_declared(world: World, timing: Timing) -> None:
    agent = ScriptedAgent(lambda _: [TextDelta("one"), Pause(8), answer("one two")])
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=spec(states=False, typing=True)) as bot:
        world.post(CID, "Hello")
        await asyncio.sleep(3)
        assert bot.service.states == {}
        assert (world.room(CID).ref, None) in bot.service.typing_in
        await asyncio.sleep(7)
        assert bot.service.typing_in == set()
        assert bot.service.calls["typing"] == 3  # on, still on, off


async def test_long_answers_are_split_at_the_bots_own_length(world: World, timing: Timing) -> None:
    text = " ".join(f"word{n}" for n in range(100))
    agent = ScriptedAgent(lambda _: [answer(text)])
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=spec(max_length=200)) as bot:
        world.post(CID, "Hello")
        await asyncio.sleep(1)
        sent = [message for message in world.messages(CID) if message.user.id == bot.bot.user_id]
    assert len(sent) > 2
    assert all(len(message.text) <= 200 for message in sent)


async def test_suggests_the_answers_own_replies_then_the_bots(world: World, timing: Timing) -> None:
    done = Finished(Answer("Hi", "answered", suggestions=("Track it", "A person, please")))
    agent = ScriptedAgent(lambda _: [done])
    world.room(CID)
    definition = spec(suggestions=["A person, please", "Thanks"], feedback=["like", "sad"])
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        question = world.post(CID, "Hello")
        await asyncio.sleep(1)
        assert bot.replied(question).custom["suggestions"] == ["Track it", "A person, please", "Thanks"]
        assert bot.replied(question).custom["feedback"] == ["like", "sad"]
