"""What a bot answers, what it leaves alone, and why."""

from __future__ import annotations

import asyncio

import pytest

from framework.stream.model import Attachment, MessageKind, MessageNew, User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer
from tests.support.bots import CID, Running
from tests.support.chat import ANN, BEN, World

Logs = list[dict[str, object]]
OTHER_BOT = User("helper", "Helper", is_bot=True)


async def test_answers_a_message_and_says_where_from(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        question = world.post(CID, "How do I pair it?")
        await asyncio.sleep(1)
        reply = bot.replied(question)
    assert reply.id == bot.bot.ids.of(question.id).reply[0]
    assert reply.text == "You said: How do I pair it?"
    assert not reply.generating
    assert reply.custom == {
        "reply_to": question.id,
        "outcome": "answered",
        "sources": [],
        "suggestions": [],
        "model": "scripted",
    }


async def test_a_turn_tells_its_story_in_five_lines(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        logs.clear()
        question = world.post(CID, "Hello")
        await asyncio.sleep(1)
        story = [entry for entry in logs if str(entry["event"]).startswith("turn.")]
        assert [entry["event"] for entry in story] == [
            "turn.received",
            "turn.decided",
            "turn.context",
            "turn.answered",
            "turn.posted",
        ]
        for entry in story:
            assert entry["channel"] == CID
            assert entry["bot"] == "support_bot"
            assert entry["message"] == question.id
            assert entry["reply"] == bot.replied(question).id


async def test_a_question_in_a_thread_is_answered_in_the_thread(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [Pause(0.8), answer("That is a heron.")]
    async with Running(world, agent, timing=timing, definition={"reply": {"stream": False}}) as bot:
        parent = world.post(CID, "Look at this")
        question = world.post(CID, "What is it?", parent=parent.id)
        await asyncio.sleep(3)
        assert bot.replied(question).parent_id == parent.id
        assert bot.replied(parent).parent_id is None
        assert (question.channel, parent.id) in bot.service.read


@pytest.mark.parametrize(
    ("kind", "user", "silent", "ai_generated", "reason"),
    [
        ("regular", OTHER_BOT, False, False, "written by a bot"),
        ("regular", ANN, False, True, "written by a bot"),
        ("system", ANN, False, False, "system message"),
        ("error", ANN, False, False, "error message"),
        ("ephemeral", ANN, False, False, "ephemeral message"),
        ("regular", ANN, True, False, "silent message"),
    ],
)
async def test_stays_silent_with_a_reason(
    kind: MessageKind,
    user: User,
    silent: bool,
    ai_generated: bool,
    reason: str,
    world: World,
    agent: ScriptedAgent,
    timing: Timing,
    logs: Logs,
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi", user=user, kind=kind, silent=silent, ai_generated=ai_generated)
        await asyncio.sleep(1)
        assert bot.reply_to(message) is None
    assert [e["reason"] for e in logs if e["event"] == "turn.decided"] == [reason]
    assert agent.asked == []


async def test_never_answers_itself(world: World, agent: ScriptedAgent, timing: Timing, logs: Logs) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing):
        world.post(CID, "Hello")
        await asyncio.sleep(120)
    assert len(world.messages(CID)) == 2
    assert sum(entry["event"] == "turn.received" for entry in logs) == 1


async def test_two_bots_in_one_channel_do_not_talk_to_each_other(world: World, timing: Timing) -> None:
    world.room(CID)
    first, second = ScriptedAgent(), ScriptedAgent()
    twin = {"identity": {"user_id": "second-bot", "name": "Second"}}
    async with (
        Running(world, first, timing=timing),
        Running(world, second, timing=timing, definition=twin, name="second"),
    ):
        world.post(CID, "Hello")
        await asyncio.sleep(120)
    assert len(world.messages(CID)) == 3
    assert len(first.asked) == len(second.asked) == 1


async def test_an_echo_that_is_not_marked_as_a_bot_does_not_make_a_loop(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    parrot = User("parrot", "Parrot")
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hello", user=parrot)
        rounds = 0
        for _ in range(50):
            await asyncio.sleep(1)
            reply = bot.reply_to(message)
            if reply is None:
                break
            rounds += 1
            message = world.post(CID, reply.text, user=parrot)
    assert 1 < rounds < 10


@pytest.mark.parametrize(("text", "least", "most"), [("I am out of the office.", 20, 21), ("Hello", 20, 21)])
async def test_an_unmarked_automatic_answer_is_left_alone_after_a_while(
    text: str, least: int, most: int, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Nobody reads an answer and writes the next line within a second, twenty times in a row."""
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        rounds = 0
        while rounds < 150:
            message = world.post(CID, text)
            await asyncio.sleep(1)
            if bot.reply_to(message) is None:
                break
            rounds += 1
        assert least <= rounds <= most
        question = world.post(CID, "I am back. What did I miss?")
        await asyncio.sleep(1)
        assert bot.reply_to(question)


async def test_answers_only_mentions_where_the_definition_says_so(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition={"respond_to": "mention"}) as bot:
        talk = world.post(CID, "Anyone here?")
        by_list = world.post(CID, "Bot, you?", mentioned=("agent-bot",))
        by_text = world.post(CID, "And you, @support bot?")
        await asyncio.sleep(1)
        assert bot.reply_to(talk) is None
        assert bot.reply_to(by_list)
        assert bot.reply_to(by_text)
    assert "the bot is not mentioned" in [e.get("reason") for e in logs]


@pytest.mark.parametrize("text", ["", "   \n", "\u200e "])
async def test_a_message_without_text_gets_the_phrase_for_it(
    text: str, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    picture = Attachment("image", "shot.png", "https://example.org/shot.png", "image/png")
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, text, attachments=(picture,))
        await asyncio.sleep(1)
        assert bot.replied(message).text == bot.definition.phrases.no_text
    assert agent.asked == []


@pytest.mark.parametrize(
    "text", ["👍", "👨‍👩‍👧‍👦❤️", "مرحبا، كيف أعيد ضبط الجهاز؟", "שלום", "a" * 5_000, "<b>&amp;\x00</b>"]
)
async def test_odd_texts_reach_the_agent_as_they_are(
    text: str, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [answer("ok")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, text)
        await asyncio.sleep(1)
        assert bot.replied(message).text == "ok"
    assert agent.questions == [text]


async def test_half_a_character_reaches_the_agent_as_a_sign_that_can_be_written(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [answer("ok")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "half \ud83d, whole \ud83d\udc4d")
        await asyncio.sleep(1)
        assert bot.replied(message).text == "ok"
    assert agent.questions == ["half \ufffd, whole 👍"]


async def test_a_duplicate_event_makes_no_second_turn(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hello")
        for _ in range(20):
            bot.service.put(MessageNew(message))
        await asyncio.sleep(1)
        bot.service.put(MessageNew(message))
        await asyncio.sleep(1)
    assert len(world.messages(CID)) == 2
    assert len(agent.asked) == 1


async def test_a_duplicate_event_after_a_restart_makes_no_second_reply(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing):
        message = world.post(CID, "Hello")
        await asyncio.sleep(1)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.put(MessageNew(message))
        await asyncio.sleep(1)
    assert len(world.messages(CID)) == 2
    assert len(agent.asked) == 1
    assert [e.get("reason") for e in logs if e.get("answer") is False] == ["already answered"]


async def test_events_out_of_order_are_answered_in_the_channel_s_order(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        messages = [world.post(CID, f"question {n}", announce=False) for n in range(20)]
        bot.service.put(MessageNew(messages[0]))
        for message in reversed(messages[1:]):
            bot.service.put(MessageNew(message))
        await asyncio.sleep(5)
    assert agent.questions == [f"question {n}" for n in range(20)]


async def test_messages_of_the_same_instant_are_each_answered_once(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        messages = [world.post(CID, f"q{n}", user=user) for n, user in enumerate([ANN, BEN] * 10)]
        await asyncio.sleep(5)
        assert all(bot.reply_to(message) for message in messages)
    assert len(agent.asked) == 20


async def test_a_channel_outside_the_definition_is_none_of_its_business(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post("messaging:private", "Psst", announce=False)
        bot.service.put(MessageNew(message))
        await asyncio.sleep(1)
        assert bot.reply_to(message) is None


async def test_turns_of_different_channels_run_side_by_side_up_to_the_bound(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    for n in range(200):
        world.room(f"messaging:support-{n}")
    async with Running(world, agent, timing=timing):
        for n in range(200):
            world.post(f"messaging:support-{n}", "Hello")
        await asyncio.sleep(20)
    assert len(agent.asked) == 200
