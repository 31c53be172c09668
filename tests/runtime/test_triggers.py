"""Turns that no message started: reactions, new members, apps' events, buttons, silence."""

from __future__ import annotations

import asyncio
from typing import Any

from framework.stream.model import CustomEvent, Message, User
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent, answer
from tests.support.bots import BOT, CID, Running
from tests.support.chat import ANN, BEN, World

Logs = list[dict[str, object]]
HELPER = User("helper", "Helper", is_bot=True)


def on(*triggers: Any, **more: Any) -> dict[str, Any]:
    return {"triggers": list(triggers), **more}


def replies(world: World) -> list[Message]:
    return [message for message in world.messages(CID) if message.user.id == BOT.id]


async def test_a_reaction_has_the_message_answered(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=on({"reaction": ["question"]})):
        message = world.post(CID, "How do I pair it?")
        await asyncio.sleep(1)
        assert replies(world) == []
        world.react(message.id, "like", user=BEN)
        world.react(message.id, "question", user=HELPER)
        world.react(message.id, "question", user=BEN)
        await asyncio.sleep(1)
    assert [reply.text for reply in replies(world)] == ["You said: How do I pair it?"]


async def test_a_reaction_in_a_thread_is_answered_there_and_as_a_task(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [answer("Bug 7 is filed.")]
    task = on({"reaction": {"values": ["bug"], "do": "File this as a bug."}})
    async with Running(world, agent, timing=timing, definition=task):
        parent = world.post(CID, "Release notes")
        message = world.post(CID, "It crashes", parent=parent.id)
        world.react(message.id, "bug", user=BEN)
        await asyncio.sleep(1)
    (reply,) = replies(world)
    assert reply.parent_id == parent.id
    assert agent.asked[0].instruction == "File this as a bug."
    assert [one.text for one in agent.asked[0].utterances][-2:] == [
        "It crashes",
        "[Ben reacted with :bug: to the message above.]",
    ]


async def test_a_new_member_is_welcomed_once_by_name(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=on({"member_joined": "Welcome {name}!"})):
        world.add_member(CID, BEN.id, user=BEN)
        world.add_member(CID, HELPER.id, user=HELPER)
        await asyncio.sleep(1)
    assert [reply.text for reply in replies(world)] == ["Welcome Ben!"]
    assert agent.asked == []


async def test_an_apps_event_is_data_for_the_task(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda _: [answer("Your parcel left.")]
    task = on({"event": {"values": ["order.shipped"], "do": "Tell the customer."}})
    async with Running(world, agent, timing=timing, definition=task) as bot:
        world.send_event(CID, "order.shipped", user=BOT, order=7)
        world.send_event(CID, "order.paid", user=BOT, order=7)
        await asyncio.sleep(1)
        event = CustomEvent(world.messages(CID)[0].channel, BOT, "order.shipped", {"order": 8}, timing.now())
        bot.service.put(event)
        bot.service.put(event)  # told twice, as by two transports
        await asyncio.sleep(1)
    assert [reply.text for reply in replies(world)] == ["Your parcel left."] * 2
    assert agent.asked[0].instruction == "Tell the customer."
    said = agent.asked[0].utterances[-1]
    assert said.text == '[The app reports order.shipped: {"order": 7}]'
    assert said.foreign  # data, though it comes in the bot's name


async def test_a_members_event_starts_nothing_and_the_log_says_so_once(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    rules = on({"event": {"values": ["order.paid"], "sent_by": ["shop", "guest-1"], "do": "Ship it."}})
    async with Running(world, agent, timing=timing, definition=rules):
        for sender in (ANN, User("guest-1", role="guest"), HELPER):
            world.send_event(CID, "order.paid", user=sender, verified_by="shop")
        world.send_event(CID, "order.paid", user=BOT, ai_generated=True)  # as a tool of the bot's sends it
        await asyncio.sleep(1)
        assert replies(world) == []
        assert [e["user"] for e in logs if e["event"] == "event.not_from_server"] == ["ann"]
        world.send_event(CID, "order.paid", user=User("shop", "Shop"))
        await asyncio.sleep(1)
    assert len(replies(world)) == 1


async def test_events_that_feed_themselves_come_to_an_end(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = lambda _: [answer("ok")]
    rules = on({"event": {"values": ["ping"], "do": "Answer."}}, conditions={"turns_without_person": 4})
    async with Running(world, agent, timing=timing, definition=rules):
        for _ in range(10):
            world.send_event(CID, "ping", user=BOT)
            await asyncio.sleep(2)
    assert len(replies(world)) == 4
    assert "4 messages in a row without one of a person" in [e.get("reason") for e in logs]


async def test_a_button_by_an_event(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    rules = on({"button": {"values": ["refund"], "say": "The refund is on its way, {name}."}})
    async with Running(world, agent, timing=timing, definition=rules):
        world.send_event(CID, "button_pressed", user=ANN, action={"value": "refund"})
        world.send_event(CID, "button_pressed", user=ANN, action={"value": "other"})
        await asyncio.sleep(1)
    assert [reply.text for reply in replies(world)] == ["The refund is on its way, Ann."]


async def test_silence_is_broken_once(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    rules = on("mention", {"idle": {"after": "30m", "say": "Anything else?"}})
    async with Running(world, agent, timing=timing, definition=rules):
        world.post(CID, "One moment")
        await asyncio.sleep(29 * 60)
        assert replies(world) == []
        world.post(CID, "I am back")
        await asyncio.sleep(29.9 * 60)
        assert replies(world) == []
        await asyncio.sleep(15)
        assert [reply.text for reply in replies(world)] == ["Anything else?"]
        await asyncio.sleep(2 * 3600)
        assert len(replies(world)) == 1
        world.post(CID, "No")
        await asyncio.sleep(31 * 60)
        assert len(replies(world)) == 2


async def test_silence_that_began_before_a_restart_counts(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    rules = on("mention", {"idle": {"after": "30m", "say": "Anything else?"}})
    async with Running(world, agent, timing=timing, definition=rules):
        world.post(CID, "One moment")
        await asyncio.sleep(20 * 60)
    await asyncio.sleep(5 * 60)
    async with Running(world, agent, timing=timing, definition=rules):
        await asyncio.sleep(4 * 60)
        assert replies(world) == []
        await asyncio.sleep(2 * 60)
        assert len(replies(world)) == 1
    async with Running(world, agent, timing=timing, definition=rules):
        await asyncio.sleep(5 * 60)
    assert len(replies(world)) == 1


async def test_silence_of_long_ago_is_left_alone(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    service = Running(world, agent, timing=timing).service
    world.add_member(CID, service.user.id)
    world.post(CID, "Bye", announce=False)
    await asyncio.sleep(3 * 3600)
    rules = on("mention", {"idle": {"after": "30m", "say": "Anything else?"}})
    async with Running(world, agent, timing=timing, definition=rules):
        await asyncio.sleep(600)
    assert replies(world) == []
