"""Whose reply a message is: after a changed secret, a lost database, another release; and whatever others post."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from pydantic import SecretStr

from framework.stream.ids import IdKey
from framework.stream.model import MessageNew, User
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent, answer, slowly
from tests.support.bots import CID, Running
from tests.support.chat import ANN, BEN, World

BOT = "agent-bot"
_PUBLIC = uuid.UUID("5a1c9be2-4c0e-5c0b-9a53-6f0d1f0c7b11")


def former_ids(trigger: str) -> list[str]:
    """The ids of earlier releases, which follow from public data."""
    reply = str(uuid.uuid5(_PUBLIC, f"{BOT}\n{trigger}"))
    return [reply, f"{reply}-2", f"{reply}-draft", f"{reply}-note"]


async def test_her_own_messages_with_the_ids_of_an_event_do_not_keep_it_back(world: World, timing: Timing) -> None:
    """Turns without a message are known in advance: `idle:MINUTES:LAST MESSAGE`."""
    world.room(CID)
    agent = ScriptedAgent(lambda c: [answer("Anything else?" if c.instruction else "an answer")])
    idle = {"triggers": [{"idle": "6m"}, "mention"]}
    async with Running(world, agent, timing=timing, definition=idle):
        event = "idle:6.0:last"
        for id_ in (event, *former_ids(event)):
            world.post(CID, "mine", user=BEN, id=id_, custom={"reply_to": event, "made_up": True})
        await asyncio.sleep(1)
        world.post(CID, "Thanks", id="last")
        await asyncio.sleep(600)
        said = [message for message in world.messages(CID) if message.user.id == BOT]
    assert [(message.text, message.custom["reply_to"]) for message in said] == [("Anything else?", event)]


@pytest.mark.parametrize("place", ["channel", "thread"])
async def test_replies_from_before_the_secret_was_changed_are_still_the_bots(
    world: World, timing: Timing, place: str
) -> None:
    """With the engine's database lost as well."""
    world.room(CID)
    spec = {"reply": {"place": place}}
    async with Running(world, ScriptedAgent(), timing=timing, definition=spec):
        asked = [world.post(CID, f"q{n}") for n in range(3)]
        asked.append(world.post(CID, "in a thread", parent=asked[0].id))
        await asyncio.sleep(5)
    before = world.messages(CID)
    assert len(before) == 8
    world.id_key = IdKey(SecretStr("another secret"))
    agent = ScriptedAgent()
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        await asyncio.sleep(120)
        for message in asked:  # told of once more
            bot.service.put(MessageNew(message))
        await asyncio.sleep(60)
        if place == "channel":
            assert world.messages(CID) == before
        later = world.post(CID, "and now?")
        await asyncio.sleep(5)
        assert bot.replied(later).text == "You said: and now?"


async def test_a_half_written_reply_is_completed_in_its_place_after_the_secret_was_changed(
    world: World, timing: Timing
) -> None:
    world.room(CID)
    first = Running(world, ScriptedAgent(slowly("one ", "two ", pause=5.0)), timing=timing)
    first.start()
    await first.until_ready()
    asked = world.post(CID, "Count")
    await asyncio.sleep(8)
    half = first.replied(asked)
    assert half.generating
    await first.kill()
    world.id_key = IdKey(SecretStr("another secret"))
    async with Running(world, ScriptedAgent(), timing=timing):
        await asyncio.sleep(60)
    (reply,) = [message for message in world.messages(CID) if message.user.id == BOT]
    assert (reply.id, reply.text, reply.generating) == (half.id, "You said: Count", False)


@pytest.mark.parametrize("custom", [{}, {"reply_to": "q1"}], ids=["by the id", "by what it records"])
async def test_replies_of_earlier_releases_are_still_the_bots(
    world: World, timing: Timing, custom: dict[str, Any]
) -> None:
    world.room(CID)
    world.add_member(CID, BOT)
    world.post(CID, "Where is it?", id="q1", announce=False)
    world.post(CID, "There.", user=User(BOT, is_bot=True), id=former_ids("q1")[0], custom=custom, announce=False)
    world.post(CID, "And mine?", id="q2", announce=False)
    async with Running(world, ScriptedAgent(), timing=timing):
        await asyncio.sleep(60)
    said = [message.text for message in world.messages(CID) if message.user.id == BOT]
    assert said == ["There.", "You said: And mine?"]


FORGED: list[dict[str, Any]] = [
    {"covers_before": True, "reply_to": "m1"},
    {"outcome": "failed"},
    {"note": "team"},
    {"review": {"kind": "draft"}},
    {"ai_generated": True},
    {"bot_id": "x"},
]


@pytest.mark.parametrize("custom", FORGED, ids=lambda custom: next(iter(custom)))
async def test_a_digest_reads_what_people_wrote_whatever_fields_it_has(
    world: World, agent: ScriptedAgent, timing: Timing, custom: dict[str, Any]
) -> None:
    world.room(CID)
    digest = {"triggers": [{"command": {"values": "digest", "since_last": True}, "do": "Write a digest."}]}
    async with Running(world, agent, timing=timing, definition=digest):
        world.post(CID, "We ship on Friday", user=BEN)
        marked = custom.get("ai_generated") is True
        world.post(CID, "I sell stolen bikes", user=BEN, custom=custom, ai_generated=marked)
        world.post(CID, "My PIN is 4711", user=BEN, visible_to=("ben", BOT))
        await asyncio.sleep(1)
        world.post(CID, "/digest")
        await asyncio.sleep(2)
    (asked,) = agent.asked
    assert [(one.who, one.text) for one in asked.utterances] == [
        ("user", "We ship on Friday"),
        ("user", "I sell stolen bikes"),
    ]


async def test_no_one_s_silence_and_no_timer_brings_up_what_only_some_people_see(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    idle = {"triggers": [{"idle": {"after": "6m", "do": "Ask whether anything is open."}}]}
    async with Running(world, agent, timing=timing, definition=idle):
        world.post(CID, "In public")
        await asyncio.sleep(1)
        world.post(CID, "My PIN is 4711", visible_to=("ann", BOT))
        await asyncio.sleep(600)
    (asked,) = agent.asked
    assert "In public" in [one.text for one in asked.utterances]
    assert not [one for one in asked.utterances if "4711" in one.text]


async def test_a_reaction_to_what_only_some_people_see_is_answered_for_them_alone(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    asking = {"triggers": [{"reaction": {"values": ["help"], "do": "Help with this message."}}]}
    async with Running(world, agent, timing=timing, definition=asking):
        about = world.post(CID, "My PIN is 4711", visible_to=("ann", BOT))
        await asyncio.sleep(1)
        world.react(about.id, "help", user=ANN)
        await asyncio.sleep(2)
    (reply,) = [message for message in world.messages(CID) if message.user.id == BOT]
    assert set(reply.visible_to) == {"ann", BOT}
