"""What came while the bot was away is found in the channels themselves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from framework.stream.model import MessageNew
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent, answer, slowly
from tests.support.bots import CID, Running
from tests.support.chat import ANN, BEN, World

Logs = list[dict[str, object]]
MINUTE, HOUR = 60, 3600


def joined(world: World, cid: str = CID) -> None:
    """A channel that the bot has been in for long."""
    world.room(cid).members["agent-bot"] = world.timing.now() - timedelta(days=30)


async def test_answers_what_came_while_it_was_away(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    missed = [world.post(CID, f"q{n}") for n in range(3)]
    await asyncio.sleep(2 * HOUR)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        assert [bot.replied(message).text for message in missed] == [f"You said: q{n}" for n in range(3)]
    assert agent.questions == ["q0", "q1", "q2"]


async def test_ready_means_that_what_was_missed_is_in_hand(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    world.post(CID, "missed")
    agent.script = slowly("late", pause=100)
    async with Running(world, agent, timing=timing):
        world.post(CID, "live")
        await asyncio.sleep(1000)
    assert agent.questions == ["missed", "live"]


async def test_what_is_older_than_the_horizon_is_left_alone(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    old = world.post(CID, "old")
    await asyncio.sleep(2 * HOUR)
    young = world.post(CID, "young")
    await asyncio.sleep(1 * HOUR)
    async with Running(world, agent, timing=timing, definition={"catch_up": {"horizon": "2h"}}) as bot:
        await asyncio.sleep(1)
        assert bot.reply_to(old) is None
        assert bot.reply_to(young)


async def test_a_message_from_before_it_joined_is_answered_for_a_while(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    old = world.post(CID, "old")
    await asyncio.sleep(11 * MINUTE)
    young = world.post(CID, "young")
    await asyncio.sleep(MINUTE)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        assert bot.reply_to(old) is None
        assert bot.replied(young).text == "You said: young"


async def test_a_talk_among_people_from_before_it_joined_is_not_broken_into(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    first = world.post(CID, "Can someone help?", user=ANN)
    helped = world.post(CID, "Yes, I can.", user=BEN)
    last = world.post(CID, "One more thing", user=BEN)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        assert bot.reply_to(first) is None
        assert bot.reply_to(helped)
        assert bot.reply_to(last)


async def test_in_a_channel_that_it_finds_late_nobody_else_s_words_keep_an_answer_back(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        asked = [world.post(CID, f"Question {number}", user=ANN) for number in range(3)]
        world.post(CID, "mine", user=BEN)
        await asyncio.sleep(10)
        assert [bot.replied(message).text for message in asked] == [f"You said: Question {n}" for n in range(3)]


async def test_a_crash_in_the_middle_is_continued_in_the_same_message(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("half ", "of ", "it", pause=1)
    first = Running(world, agent, timing=timing)
    await first.__aenter__()
    message = world.post(CID, "Hi")
    await asyncio.sleep(2.5)
    await first.kill()
    left = first.replied(message)
    assert (left.text, left.generating) == ("", True)
    second = ScriptedAgent(lambda _: [answer("the whole of it")])
    async with Running(world, second, timing=timing) as bot:
        await asyncio.sleep(5)
        reply = bot.replied(message)
        assert (reply.id, reply.text, reply.generating) == (left.id, "the whole of it", False)
        assert bot.service.calls["send"] == 0
    assert len(world.messages(CID)) == 2


async def test_a_long_answer_that_was_cut_off_leaves_no_stray_parts(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly(*["word " * 900] * 4, pause=1)
    first = Running(world, agent, timing=timing)
    await first.__aenter__()
    first.service.latency["update_message"] = 1000
    message = world.post(CID, "Hi")
    await asyncio.sleep(10)
    assert len(world.messages(CID)) == 5
    await first.kill()
    async with Running(world, ScriptedAgent(lambda _: [answer("short")]), timing=timing) as bot:
        await asyncio.sleep(5)
        assert bot.replied(message).text == "short"
    assert len(world.messages(CID)) == 2


async def test_every_one_of_a_burst_survives_a_restart(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda c: slowly(f"re {c.question}", pause=1)(c)
    first = Running(world, agent, timing=timing)
    await first.__aenter__()
    messages = [world.post(CID, f"q{n}") for n in range(100)]
    await asyncio.sleep(61)
    await first.kill()
    done = [message for message in messages if (r := first.reply_to(message)) and not r.generating]
    assert 20 < len(done) < 40
    second = ScriptedAgent(lambda c: [answer(f"re {c.question}")])
    async with Running(world, second, timing=timing) as bot:
        await asyncio.sleep(60)
        assert [bot.replied(message).text for message in messages] == [f"re q{n}" for n in range(100)]
    assert second.questions == [f"q{n}" for n in range(len(done), 100)]
    assert len(world.messages(CID)) == 200


async def test_a_page_full_of_answers_does_not_hide_what_is_unanswered_before_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """After a burst of 200 the newest page holds nothing but replies to the first of them."""
    joined(world)
    messages = [world.post(CID, f"q{n}") for n in range(200)]
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(60)
        assert all(bot.reply_to(message) for message in messages)
    for message in messages[100:]:
        reply = bot.replied(message)
        del world.room(CID).messages[reply.id]
    async with Running(world, ScriptedAgent(), timing=timing) as bot:
        await asyncio.sleep(60)
        assert all(bot.reply_to(message) for message in messages)


async def test_a_lost_connection_is_caught_up_with(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.drop()
        missed = world.post(CID, "missed")
        world.room("messaging:support-new")
        elsewhere = world.post("messaging:support-new", "new here")
        await asyncio.sleep(0.5)
        assert bot.reply_to(missed) is None
        bot.service.reconnect()
        await asyncio.sleep(1)
        assert bot.reply_to(missed)
        assert bot.reply_to(elsewhere)
        live = world.post(CID, "live")
        await asyncio.sleep(1)
        assert bot.reply_to(live)


async def test_what_comes_by_a_new_connection_waits_for_what_was_missed_before_it(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.drop()
        world.post(CID, "missed")
        bot.service.fail("watch", times=1)
        bot.service.reconnect()
        await asyncio.sleep(0.01)
        live = world.post(CID, "live")
        bot.service.put(MessageNew(live))
        await asyncio.sleep(30)
        assert bot.reply_to(live)
    assert agent.questions == ["missed", "live"]


async def test_a_service_that_is_away_at_reconnect_is_waited_for(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.drop()
        missed = world.post(CID, "missed")
        bot.service.fail("watch", times=4)
        bot.service.reconnect()
        await asyncio.sleep(30)
        assert bot.reply_to(missed)


async def test_an_event_that_never_came_is_made_up_for(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        lost = world.post(CID, "lost", announce=False)
        await asyncio.sleep(130)
        assert bot.replied(lost).text == "You said: lost"


async def test_replies_in_threads_are_caught_up_with(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    old = world.post(CID, "an old topic")
    await asyncio.sleep(30 * HOUR)
    asked = world.post(CID, "a new topic", user=BEN)
    first = world.post(CID, "in the new thread", parent=asked.id)
    second = world.post(CID, "in the old thread", parent=old.id)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        assert bot.reply_to(old) is None
        assert bot.replied(first).parent_id == asked.id
        assert bot.replied(second).parent_id == old.id
        lost = world.post(CID, "lost in the thread", parent=old.id, announce=False)
        await asyncio.sleep(130)
        assert bot.reply_to(lost)


async def test_a_thread_below_a_message_older_than_all_that_is_read_is_caught_up_with(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    joined(world)
    async with Running(world, agent, timing=timing) as bot:
        old, other = world.post(CID, "an old topic"), world.post(CID, "of others")
        first = world.post(CID, "in its thread", parent=old.id)
        await asyncio.sleep(1)
        assert bot.reply_to(first)
    await asyncio.sleep(80 * HOUR)
    for n in range(200):
        world.post(CID, f"said since {n}", user=BEN, silent=True)
    missed = world.post(CID, "while nobody listened", parent=old.id)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(1)
        assert bot.replied(missed).parent_id == old.id
        bot.service.drop()
        lost = world.post(CID, "while the line was cut", parent=old.id)
        bot.service.reconnect()
        await asyncio.sleep(5)
        assert bot.replied(lost).parent_id == old.id
        assert bot.service.calls["threads"] == 2
        assert other.reply_count == 0


async def test_a_reply_shown_in_the_channel_as_well_is_not_taken_for_unanswered(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    joined(world)
    parent = world.post(CID, "topic")
    both = replace(world.post(CID, "in both", parent=parent.id), show_in_channel=True)
    world.room(CID).messages[both.id] = both
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(5)
        assert bot.replied(both).parent_id == parent.id
    logs.clear()
    async with Running(world, agent, timing=timing):
        await asyncio.sleep(5)
    assert "turn.received" not in [entry["event"] for entry in logs]


async def test_threads_that_did_not_grow_are_not_read_again(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    parent = world.post(CID, "topic")
    world.post(CID, "in the thread", parent=parent.id)
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(200)
        before = bot.service.calls["thread"]
        await asyncio.sleep(3600)
        assert bot.service.calls["thread"] == before


async def test_silence_is_decided_once_and_not_every_minute(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    joined(world)
    world.post(CID, "Just talking", user=BEN)
    async with Running(world, agent, timing=timing, definition={"respond_to": "mention"}) as bot:
        world.post(CID, "Talking on")
        await asyncio.sleep(3600)
        assert bot.service.calls["view"] == 1
        assert bot.service.calls["messages"] == 0
    assert agent.asked == []


async def test_a_frozen_channel_is_left_alone(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    message = world.post(CID, "Hi")
    world.room(CID).frozen = True
    async with Running(world, agent, timing=timing) as bot:
        await asyncio.sleep(200)
        assert bot.reply_to(message) is None


async def test_a_channel_that_cannot_be_read_is_read_later(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    joined(world)
    messages = [world.post(CID, f"q{n}") for n in range(40)]
    bot = Running(world, agent, timing=timing)
    bot.service.fail("recent", times=1)
    async with bot:
        await asyncio.sleep(130)
        assert all(bot.reply_to(message) for message in messages)
