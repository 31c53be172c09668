"""Promises: made when somebody asks, kept once in their place and time, taken back when nobody needs them any more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from framework.promises.promise import Promise
from framework.runtime.intake.synthetic_messages import BY_TOOL
from framework.runtime.promises.making import PromiseMaker
from framework.stream.model import Message, User
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import BOT, CID, Running
from tests.support.chat import ANN, BEN, World

SHIPPED = {"order.shipped": {"means": "an order was shipped", "words": ["ships", "is shipped"]}}
HOUR = 3600.0


def promising(**more: Any) -> dict[str, Any]:
    promises = {"enabled": True, **more.pop("promises", {})}
    return {"promises": promises, **more}


def replies(world: World, cid: str = CID) -> list[str]:
    return [message.text for message in world.messages(cid) if message.user.id == BOT.id]


def last(world: World) -> Message:
    return [message for message in world.messages(CID) if message.user.id == BOT.id][-1]


async def states(world: World) -> list[tuple[str, str]]:
    return [(one.state, one.reason) for one in await world.promises.all(ended=True)]


def event(world: World, kind: str = "order.shipped", *, user: User = BOT, **data: Any) -> None:
    world.send_event(CID, kind, user=user, **data)


async def test_a_reminder_comes_on_time_and_once_and_in_the_persons_words(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 2 hours about order 4711")
        await asyncio.sleep(5)
        assert replies(world) == ["I will remind you on Thursday, 1 January, 14:00 (UTC)."]
        await asyncio.sleep(2 * HOUR - 30)
        assert len(replies(world)) == 1
        await asyncio.sleep(40)
        assert replies(world)[1:] == ["You asked me to remind you: “Remind me in 2 hours about order 4711”"]
        assert last(world).created_at < datetime(2026, 1, 1, 14, 0, 5, tzinfo=UTC)
        await asyncio.sleep(HOUR)
    assert len(replies(world)) == 2
    assert await states(world) == [("kept", "")]
    assert agent.asked == []


async def test_it_stands_in_the_thread_where_it_was_asked_for_and_in_the_persons_language(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        parent = world.post(CID, "How do I pair it?")
        await asyncio.sleep(2)
        world.post(CID, "Erinnern Sie mich bitte morgen um 9 Uhr daran", parent=parent.id)
        await asyncio.sleep(2)
        assert last(world).text == "Ich erinnere Sie: Freitag, 2. Januar, 09:00 Uhr (UTC)."
        await asyncio.sleep(21 * HOUR)
    assert last(world).text.startswith("Sie wollten erinnert werden: „Erinnern Sie mich bitte")
    assert last(world).parent_id == parent.id


async def test_the_persons_own_zone_and_quiet_hours_count(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    ann = replace(ANN, timezone="America/New_York")
    quiet = promising(promises={"quiet_hours": "22:00-8:00"})
    async with Running(world, agent, timing=timing, definition=quiet):
        world.post(CID, "Remind me tomorrow at 11 pm", user=ann)
        await asyncio.sleep(2)
        assert replies(world) == ["I will remind you on Saturday, 3 January, 08:00 (America/New_York)."]
        await asyncio.sleep(49 * HOUR - 60)
        assert len(replies(world)) == 1
        await asyncio.sleep(70)
    assert len(replies(world)) == 2


async def test_a_time_that_is_not_sure_is_asked_back_and_nothing_is_kept(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        for text in ("Remind me tomorrow at 5", "Remind me", "Remind me every Monday at 9"):
            world.post(CID, text)
            await asyncio.sleep(2)
    assert [text.split(".")[0] for text in replies(world)] == [
        "I am not sure which time you mean",
        "When shall I remind you? Write a day and a time, such as “tomorrow at 9:00” or “in 2 hours”",
        "I can remind you once, not again and again",
    ]
    assert await states(world) == []


async def test_replicas_and_restarts_keep_it_once(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(2)
    for _ in range(3):
        async with (
            Running(world, agent, timing=timing, definition=promising()),
            Running(world, ScriptedAgent(), timing=timing, definition=promising()),
        ):
            await asyncio.sleep(400)
    assert len(replies(world)) == 2


async def test_one_that_comes_late_says_so_and_one_far_too_late_is_apologised_for(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(2)
        world.post(CID, "Remind me in 3 days")
        await asyncio.sleep(2)
    await asyncio.sleep(HOUR)
    async with Running(world, agent, timing=timing, definition=promising()):
        await asyncio.sleep(30)
    assert last(world).text.endswith("”\n(I am late: it was due on Thursday, 1 January, 12:10 (UTC).)")
    await asyncio.sleep(5 * 24 * HOUR)
    async with Running(world, agent, timing=timing, definition=promising()):
        await asyncio.sleep(30)
    assert last(world).text == (
        "I promised to write to you on Sunday, 4 January, 12:00 (UTC): “Remind me in 3 days” "
        "I could not, and I am sorry."
    )
    assert sorted(await states(world)) == [("kept", ""), ("missed", "")]


@pytest.mark.parametrize(
    "words",
    ["No need to remind me", "cancel my reminder please", "Du musst mich nicht mehr daran erinnern", "never mind"],
)
async def test_words_that_take_it_back(world: World, agent: ScriptedAgent, timing: Timing, words: str) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(2)
        world.post(CID, words)
        await asyncio.sleep(1200)
    assert len(replies(world)) == 2
    assert await states(world) == [("cancelled", "the person took it back")]


async def test_no_need_means_a_promise_only_right_after_one(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(2)
        world.post(CID, "Shall I send the parcel back?")
        await asyncio.sleep(2)
        world.post(CID, "no need")
        await asyncio.sleep(1200)
    assert replies(world)[2] == "You said: no need"
    assert await states(world) == [("kept", "")]


async def test_a_question_that_is_asked_again_is_not_once_the_person_answered(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Ask me again tomorrow")
        await asyncio.sleep(2)
        world.post(CID, "What is the warranty?")
        await asyncio.sleep(2)
        assert await states(world) == [("open", "")]
        world.post(CID, "It works since I reset it.")
        await asyncio.sleep(22 * HOUR)
        assert await states(world) == [("cancelled", "the person answered")]
        world.post(CID, "Please ask me again tomorrow")
        await asyncio.sleep(24 * HOUR)
    assert last(world).text.startswith("You wanted me to ask you again: “Please ask me again tomorrow”")


async def test_a_handover_takes_the_promises_of_the_channel(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    definition = promising(handover={"enabled": True})
    async with Running(world, agent, timing=timing, definition=definition):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(2)
        world.post(CID, "talk to a human")
        await asyncio.sleep(1200)
    assert await states(world) == [("cancelled", "a person has taken over")]
    assert not any("You asked me" in text for text in replies(world))


async def test_what_was_promised_is_told_to_its_person_and_place_alone(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    other = "messaging:support-2"
    for cid in (CID, other):
        world.room(cid)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me tomorrow at 9 about my surgery")
        await asyncio.sleep(2)
        world.post(CID, "Remind me in 2 hours about Ann's party", user=BEN)
        await asyncio.sleep(2)
        world.post(other, "What did you promise me?")
        world.post(CID, "What did you promise me?", user=BEN)
        await asyncio.sleep(2)
        assert replies(world, other) == ["I have promised you nothing here."]
        assert last(world).text.count("- ") == 1
        assert "surgery" not in last(world).text
        world.post(CID, "cancel my reminders", user=BEN)
        await asyncio.sleep(2)
        world.post(CID, "What did you promise me?")
        await asyncio.sleep(2)
    assert last(world).text == (
        "I have promised you this here:\n- Friday, 2 January, 09:00 (UTC): Remind me tomorrow at 9 about my surgery"
    )


async def test_a_promise_made_between_some_is_kept_and_told_between_them(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 10 minutes about the surprise", visible_to=(ANN.id, BOT.id))
        await asyncio.sleep(2)
        world.post(CID, "What did you promise me?")
        await asyncio.sleep(2)
        assert last(world).text == "I have promised you nothing here."
        assert last(world).visible_to == ()
        await asyncio.sleep(900)
    assert "surprise" in last(world).text
    assert set(last(world).visible_to) == {ANN.id, BOT.id}


async def test_an_event_of_the_app_has_it_kept_and_no_members_event_does(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising(promises={"events": SHIPPED})):
        world.post(CID, "Tell me when my order ships")
        await asyncio.sleep(2)
        world.post(CID, "Tell me when the moon is full")
        await asyncio.sleep(2)
        assert replies(world) == [
            "I will tell you here as soon as it happens.",
            "You said: Tell me when the moon is full",
        ]
        event(world, user=ANN)
        world.send_event(CID, "order.shipped", user=BOT, **{BY_TOOL: True})
        event(world, "order.refunded")
        await asyncio.sleep(2)
        assert len(replies(world)) == 2
        event(world)
        event(world)
        await asyncio.sleep(30)
    assert replies(world)[2:] == ["You wanted to know: “Tell me when my order ships” It has happened."]
    assert await states(world) == [("kept", "")]


async def test_an_event_that_came_while_no_process_ran_is_told_late(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    definition = promising(promises={"events": SHIPPED})
    async with Running(world, agent, timing=timing, definition=definition) as running:
        world.post(CID, "Tell me when my order ships")
        await asyncio.sleep(60)
        scope = running.bot.scope
    await asyncio.sleep(HOUR)
    at = timing.now()
    assert await world.promises.happened(scope, CID, "order.shipped", at, at) == 1
    await asyncio.sleep(HOUR)
    async with Running(world, agent, timing=timing, definition=definition):
        await asyncio.sleep(30)
    assert last(world).text.endswith("It has happened.\n(It happened on Thursday, 1 January, 13:01 (UTC).)")


async def test_void_promises_are_not_kept(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    world.add_member(CID, BEN.id, user=BEN)
    async with Running(world, agent, timing=timing, definition=promising()):
        first = world.post(CID, "Remind me in 10 minutes about one")
        await asyncio.sleep(2)
        world.post(CID, "Remind me in 10 minutes about two", user=BEN)
        await asyncio.sleep(2)
        world.delete(first.id)
        world.remove_member(CID, BEN.id)
        await asyncio.sleep(1200)
    reasons = {reason for _, reason in await states(world)}
    assert reasons == {"the message that it was made for is gone", "the person left the channel"}
    assert not any("You asked me" in text for text in replies(world))


async def test_a_person_has_a_bounded_number(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising(promises={"at_most": 2})):
        for minutes in (10, 20, 30):
            world.post(CID, f"Remind me in {minutes} minutes")
            await asyncio.sleep(2)
    assert last(world).text.startswith("I have promised you 2 things already")
    assert len(await world.promises.all()) == 2


async def test_a_bot_that_promises_nothing_answers_as_ever(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(2)
    assert replies(world) == ["You said: Remind me in 10 minutes"]


async def test_nobody_becomes_part_of_a_sentence_by_braces_or_lines(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()):
        world.post(CID, "Remind me in 10 minutes {when} {0.__class__}\n# Heading\n- item")
        await asyncio.sleep(900)
    assert last(world).text == (
        "You asked me to remind you: “Remind me in 10 minutes {when} {0.__class__} # Heading - item”"
    )


async def test_a_pause_puts_it_off(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    """A turn that had to be silent leaves the promise open for the next one."""
    world.room(CID)
    hours = {"timezone": "UTC", "days": {"mon-sun": "12:00-12:05, 13:00-23:00"}}
    async with Running(world, agent, timing=timing, definition=promising(conditions={"hours": hours})):
        world.post(CID, "Remind me in 10 minutes")
        await asyncio.sleep(1200)
        assert len(replies(world)) == 1
        assert await states(world) == [("open", "")]
        await asyncio.sleep(HOUR)
    assert len(replies(world)) == 2
    assert await states(world) == [("kept", "")]


async def test_a_promise_of_a_model_is_made_once_however_often_its_call_is_tried(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=promising()) as running:
        message = world.post(CID, "hello")
        await asyncio.sleep(2)
        promiser = agent.asked[-1].promiser
        assert promiser is not None
        for _ in range(2):
            said = await promiser.promise("call 1", "the lathe", at="2026-01-01T18:00")
            assert said == "I will remind you on Thursday, 1 January, 18:00 (UTC)."
        assert "the lathe" in await promiser.promised()
        [made] = await world.promises.all()
        assert (made.message, made.what, made.kind) == (message.id, "the lathe", "remind")
        assert isinstance(made, Promise)
        assert running.bot.promises is not None
        assert PromiseMaker(running.bot, running.bot.promises) is not None
        assert await promiser.take_back() == "Done: I will not remind you of it."
    assert await states(world) == [("cancelled", "the person took it back")]
