"""Draft mode: the team sees an answer first, and it is sent, edited or dropped by the first word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framework.agent.conversation import HandoverRequested
from framework.errors import ModelError
from framework.stream.model import Message, User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, Step, TextDelta, answer
from tests.support.bots import CID, Running
from tests.support.chat import ANN, World

CARL = User("carl", "Carl", role="moderator")
DORA = User("dora", "Dora", role="admin")
REVIEWS = "team:reviews"
Logs = list[dict[str, object]]


def spec(drafts: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"drafts": {"enabled": True, "channel": REVIEWS, **(drafts or {})}, **more}


@pytest.fixture(autouse=True)
async def _people(world: World) -> None:
    for person in (CARL, DORA):
        world.people[person.id] = person
    world.room(CID)


async def ask(bot: Running, text: str = "How?", *, wait: float = 1.0) -> Message:
    message = bot.world.post(CID, text)
    await asyncio.sleep(wait)
    return message


def drafts(world: World, cid: str = REVIEWS) -> list[Message]:
    return [message for message in world.messages(cid) if "review" in message.custom]


def draft(world: World, cid: str = REVIEWS) -> Message:
    (found,) = drafts(world, cid)
    return found


async def test_an_answer_waits_in_the_review_channel_and_goes_out_at_the_teams_word(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        waiting = draft(world)
        assert bot.reply_to(question) is None
        assert waiting.text == "You said: How?"
        assert waiting.attachments[0].title == f"Draft for Ann (`ann`) in {CID}"
        assert any(entry.get("reason") == "draft waits for approval" for entry in logs)
        world.post(REVIEWS, "Looks fine", user=CARL, parent=waiting.id)
        await asyncio.sleep(1)
        assert bot.reply_to(question) is None
        world.post(REVIEWS, "Send.", user=CARL, parent=waiting.id)
        await asyncio.sleep(1)
        reply = bot.replied(question)
    assert (reply.text, reply.id) == ("You said: How?", bot.bot.ids.of(question.id).reply[0])
    assert reply.custom["outcome"] == "answered"
    assert reply.custom["approved_by"] == "Carl"
    assert draft(world).custom["review"]["state"] == "sent"
    assert draft(world).custom["review"]["decided_by"] == "Carl"


async def test_the_team_gives_it_another_text(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        world.post(REVIEWS, "edit: Like this,\nand so on.", user=DORA, parent=draft(world).id)
        await asyncio.sleep(1)
        assert bot.replied(question).text == "Like this,\nand so on."
    assert draft(world).text == "Like this,\nand so on."
    assert draft(world).custom["review"]["state"] == "edited"


async def test_a_dropped_draft_never_goes_out(world: World, agent: ScriptedAgent, timing: Timing, logs: Logs) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        world.post(REVIEWS, "drop", user=CARL, parent=draft(world).id)
        await asyncio.sleep(1)
        world.post(REVIEWS, "send", user=DORA, parent=draft(world).id)
        await asyncio.sleep(1)
        assert bot.reply_to(question) is None
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        await asyncio.sleep(2)
        assert bot.reply_to(question) is None
    assert len(agent.asked) == 1
    assert any(entry.get("reason") == "draft dropped by Carl" for entry in logs)


@pytest.mark.parametrize(("reaction", "sent"), [("like", True), ("send", True), ("sad", False)])
async def test_a_reaction_decides(
    world: World, agent: ScriptedAgent, timing: Timing, reaction: str, sent: bool
) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        world.react(draft(world).id, reaction, user=CARL)
        await asyncio.sleep(1)
        assert (bot.reply_to(question) is not None) is sent


async def test_a_pressed_button_decides(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        pressed = {"action": {"name": "review", "value": "send"}}
        world.post(REVIEWS, "Send", user=CARL, parent=draft(world).id, custom=pressed)
        await asyncio.sleep(1)
        assert bot.replied(question).text == "You said: How?"


async def test_only_the_team_decides(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        world.post(REVIEWS, "send", user=ANN, parent=draft(world).id)
        world.react(draft(world).id, "like", user=ANN)
        await asyncio.sleep(1)
        assert bot.reply_to(question) is None
        assert draft(world).custom["review"]["state"] == "waiting"


async def test_two_who_decide_at_once_send_one_reply(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        waiting = draft(world).id
        world.post(REVIEWS, "edit: mine", user=CARL, parent=waiting)
        world.react(waiting, "like", user=DORA)
        world.post(REVIEWS, "send", user=DORA, parent=waiting)
        await asyncio.sleep(2)
        assert bot.replied(question).text == "mine"
    replies = [message for message in world.messages(CID) if message.user.id == "agent-bot"]
    assert len(replies) == 1


async def test_decisions_made_while_the_bot_was_away_are_carried_out(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        by_word, by_reaction, undecided = [await ask(bot, text) for text in ("one", "two", "three")]
    first, second, _ = drafts(world)
    world.post(REVIEWS, "edit: ONE", user=CARL, parent=first.id)
    world.react(second.id, "like", user=CARL)
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        await asyncio.sleep(3)
        assert bot.replied(by_word).text == "ONE"
        assert bot.replied(by_reaction).text == "You said: two"
        assert bot.reply_to(undecided) is None
    assert len(drafts(world)) == 3
    assert len(agent.asked) == 3


async def test_a_process_that_dies_after_the_decision_was_written_down_sends_it_after_all(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    bot = Running(world, agent, timing=timing, definition=spec())
    bot.start()
    await bot.until_ready()
    question = await ask(bot)
    bot.service.latency["send"] = 60.0
    world.post(REVIEWS, "send", user=CARL, parent=draft(world).id)
    await asyncio.sleep(2)
    assert draft(world).custom["review"]["state"] == "sent"
    assert bot.reply_to(question) is None
    await bot.kill()
    async with Running(world, agent, timing=timing, definition=spec()) as other:
        await asyncio.sleep(3)
        assert other.replied(question).text == "You said: How?"


async def test_without_a_review_channel_the_team_alone_sees_it_in_place(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=spec({"channel": ""})) as bot:
        question = await ask(bot)
        waiting = draft(world, CID)
        assert set(waiting.visible_to) == {"carl", "dora"}
        second = await ask(bot, "And what else?")
        assert [u.text for u in agent.asked[-1].utterances] == ["How?", "And what else?"]
        world.post(CID, "send", user=CARL, parent=waiting.id)
        await asyncio.sleep(1)
        assert bot.replied(question).text == "You said: How?"
        assert bot.replied(question).visible_to == ()
        assert bot.reply_to(second) is None


async def test_a_draft_nobody_decided_on_expires(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    words = {"draft": "Let me check that."}
    async with Running(world, agent, timing=timing, definition=spec({"expire": "2h"}, phrases=words)) as bot:
        question = await ask(bot)
        assert [m.text for m in world.messages(CID) if m.user.id == "agent-bot"] == ["Let me check that."]
        await asyncio.sleep(7_300)
        assert draft(world).custom["review"]["state"] == "expired"
        world.post(REVIEWS, "send", user=CARL, parent=draft(world).id)
        await asyncio.sleep(1)
        assert bot.reply_to(question) is None
        assert [m for m in world.messages(CID) if m.user.id == "agent-bot"] == []


async def test_a_deleted_question_needs_no_answer(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot)
        world.delete(question.id)
        world.post(REVIEWS, "send", user=CARL, parent=draft(world).id)
        await asyncio.sleep(1)
        assert bot.reply_to(question) is None
    assert draft(world).custom["review"]["state"] == "dropped"


async def test_long_answers_are_drafted_and_sent_in_parts(world: World, timing: Timing) -> None:
    words = " ".join(f"word{n}" for n in range(100))
    agent = ScriptedAgent(lambda _: [answer(words)])
    async with Running(world, agent, timing=timing, definition=spec(reply={"max_length": 300})) as bot:
        await ask(bot)
        world.post(REVIEWS, "send", user=CARL, parent=draft(world).id)
        await asyncio.sleep(1)
        sent = [message for message in world.messages(CID) if message.user.id == "agent-bot"]
    # The first one is posted last: while it is missing, the rest is done once more.
    assert " ".join(message.text for message in reversed(sent)) == words
    assert {message.custom.get("part_of") for message in sent} == {sent[-1].id, None}


async def test_what_the_customer_must_hear_at_once_is_not_drafted(world: World, timing: Timing) -> None:
    urgent_script: list[Step] = [HandoverRequested("it is urgent", ""), answer("bye")]
    agent = ScriptedAgent(lambda c: [ModelError("broken")] if c.question == "fail" else urgent_script)
    async with Running(world, agent, timing=timing, definition=spec(handover={"enabled": True})) as bot:
        failed = await ask(bot, "fail")
        assert bot.replied(failed).custom["outcome"] == "failed"
        urgent = await ask(bot, "Help")
        assert bot.replied(urgent).custom["outcome"] == "handed_off"
    assert drafts(world) == []


async def test_people_may_talk_in_the_review_channel(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=spec()):
        world.post(REVIEWS, "Good morning", user=CARL)
        await asyncio.sleep(1)
    assert agent.asked == []


async def test_nothing_of_a_draft_is_streamed_to_the_customer(world: World, timing: Timing) -> None:
    agent = ScriptedAgent(lambda _: [TextDelta("half"), Pause(2), answer("whole")])
    async with Running(world, agent, timing=timing, definition=spec()) as bot:
        question = await ask(bot, wait=5)
        assert bot.service.streamed == {}
        assert bot.reply_to(question) is None
        assert draft(world).text == "whole"
