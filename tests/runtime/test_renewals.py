"""A bot whose files are edited while it runs goes on with the edit, and nobody notices but by its answers."""

from __future__ import annotations

import asyncio

from framework.stream.model import ChannelRef
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer
from tests.support.bots import CID, Running
from tests.support.chat import World

Logs = list[dict[str, object]]
OTHER = "messaging:sales-1"


def saying(word: str, *, seconds: float = 0.0) -> ScriptedAgent:
    return ScriptedAgent(lambda c: [Pause(seconds), answer(f"{word} {c.question}")])


async def test_the_next_turn_follows_the_edit_and_the_one_in_flight_ends_as_it_began(
    world: World, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, saying("old", seconds=5), timing=timing) as bot:
        flying, waiting = world.post(CID, "one"), world.post(CID, "two")
        await asyncio.sleep(1)
        gone = bot.edit(saying("new"), {})
        await asyncio.sleep(1)
        assert not gone.is_set()
        await asyncio.sleep(10)
        assert gone.is_set()
        assert [bot.replied(flying).text, bot.replied(waiting).text] == ["old one", "new two"]


async def test_no_reply_is_lost_or_doubled_by_edits_under_load(world: World, timing: Timing) -> None:
    rooms = [f"messaging:support-{n}" for n in range(10)]
    for cid in rooms:
        world.room(cid)
    async with Running(world, saying("v0", seconds=0.3), timing=timing) as bot:
        messages, ends = [], []
        for number in range(100):
            messages.append(world.post(rooms[number % 10], f"q{number}"))
            if number % 10 == 5:
                ends.append(bot.edit(saying(f"v{number}", seconds=0.3), {"description": f"version {number}"}))
            await asyncio.sleep(0.05)
        await asyncio.sleep(30)
        assert all(bot.replied(message).text.endswith(f" {message.text}") for message in messages)
        assert bot.service.calls["send"] == 100
        assert len({bot.replied(message).text.split()[0] for message in messages}) > 5
        assert all(end.is_set() for end in ends)


async def test_channels_that_are_new_are_joined_and_those_that_are_gone_are_left_alone(
    world: World, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    world.room(OTHER)
    async with Running(world, saying("old"), timing=timing) as bot:
        there = world.post(OTHER, "unanswered")
        bot.edit(saying("new"), {"channels": ["messaging:sales-*"]})
        await asyncio.sleep(2)
        here = world.post(CID, "still there?")
        after = world.post(OTHER, "hello")
        await asyncio.sleep(2)
        assert bot.replied(there).text == "new unanswered"
        assert bot.replied(after).text == "new hello"
        assert bot.reply_to(here) is None
        assert "agent-bot" in world.rooms[ChannelRef.parse(CID)].members
    assert [entry["channel"] for entry in logs if entry["event"] == "channel.left_alone"] == [CID]


async def test_a_bot_that_speaks_as_another_user_takes_over_and_what_waited_is_answered_by_the_first(
    world: World, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, saying("old", seconds=2), timing=timing) as bot:
        before = [world.post(CID, f"q{n}") for n in range(3)]
        await asyncio.sleep(1)
        gone = bot.edit(saying("new"), {"identity": {"user_id": "fern", "name": "Fern"}})
        await asyncio.sleep(60)
        after = world.post(CID, "hello")
        await asyncio.sleep(3)
        said = [(m.user.id, m.text) for m in world.messages(CID) if m.ai_generated]
        assert said == [
            *[("agent-bot", f"{word} q{n}") for n, word in enumerate(["old", "old", "old"])],
            ("fern", "new hello"),
        ]
        assert bot.service.user.id == "agent-bot"
        assert gone.is_set()
        assert all(bot.reply_to(message) for message in before)
    assert world.messages(CID)[-1].custom["reply_to"] == after.id


async def test_a_user_that_the_service_refuses_leaves_everything_as_it_was(
    world: World, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, saying("old"), timing=timing) as bot:
        bot.edit(saying("new"), {"identity": {"user_id": "fern"}})
        newest = bot.edits._queue[-1]  # type: ignore[attr-defined]  # to have its service refuse
        newest.bot.service.fail("open", what="no such user", retryable=False)
        await asyncio.sleep(1)
        asked = world.post(CID, "hello")
        await asyncio.sleep(1)
        assert bot.replied(asked).text == "old hello"
    assert [entry["error"] for entry in logs if entry["event"] == "bot.not_renewed"] == ["no such user"]
