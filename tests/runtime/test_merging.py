"""Bursts: several quick messages of one person get one reply that answers all of them; none is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.definition.parts.reply import Reply
from framework.runtime.decide.bursts import Rules, bursts
from framework.runtime.state.own import ANSWERS
from framework.stream.model import ChannelRef, Message, User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer
from tests.support.bots import BOT, CID, Running
from tests.support.chat import ANN, BEN, World
from tests.support.virtual_time import EPOCH, VirtualLoop, virtual_timing

Logs = list[dict[str, object]]
MERGING = {"reply": {"merge_within": "2s"}}
SUPERSEDING = {"reply": {"supersede": True}}


def replies(world: World) -> list[Message]:
    return [message for message in world.messages(CID) if message.user.id == BOT.id]


async def test_the_reply_says_which_messages_it_answers(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=MERGING) as bot:
        first = world.post(CID, "My lamp")
        await asyncio.sleep(1)
        second = world.post(CID, "is dark")
        await asyncio.sleep(5)
        reply = bot.replied(second)
    assert reply.custom[ANSWERS] == [first.id, second.id]
    assert [utterance.text for utterance in agent.asked[0].utterances] == ["My lamp\nis dark"]


async def test_who_types_for_ever_gets_answers_all_the_same(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=MERGING):
        for number in range(35):
            world.post(CID, str(number))
            await asyncio.sleep(1.0)
        await asyncio.sleep(10)
    assert [len(question.split()) for question in agent.questions] == [10, 10, 10, 5]


async def test_a_restart_in_the_middle_of_a_burst_loses_nothing(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    running = Running(world, agent, timing=timing, definition=MERGING)
    running.start()
    await running.until_ready()
    world.post(CID, "one")
    await asyncio.sleep(1)
    await running.kill()
    world.post(CID, "two")
    async with Running(world, agent, timing=timing, definition=MERGING):
        await asyncio.sleep(10)
    async with Running(world, agent, timing=timing, definition=MERGING):
        await asyncio.sleep(70)
    assert agent.questions == ["one\ntwo"]
    assert len(replies(world)) == 1


async def test_a_new_message_supersedes_a_turn_that_has_shown_nothing(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(5), answer(f"re {c.question}")]
    async with Running(world, agent, timing=timing, definition=SUPERSEDING) as bot:
        first = world.post(CID, "My lamp is dark")
        await asyncio.sleep(2)
        other = world.post(CID, "Hello", user=BEN)
        second = world.post(CID, "No, my radio is mute")
        await asyncio.sleep(30)
        assert bot.reply_to(first) is None
        assert bot.replied(second).text == "re My lamp is dark\nNo, my radio is mute"
        assert bot.replied(other).text == "re Hello"
    ended = [e["reason"] for e in logs if e["event"] == "turn.decided" and e["answer"] is False]
    assert ended == ["superseded by the next message"]
    assert len(replies(world)) == 2


async def test_a_turn_that_has_shown_something_goes_on(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    from framework.agent.conversation import TextDelta

    world.room(CID)
    agent.script = lambda c: [TextDelta("re "), Pause(5), answer(f"re {c.question}")]
    async with Running(world, agent, timing=timing, definition=SUPERSEDING) as bot:
        first = world.post(CID, "one")
        await asyncio.sleep(2)
        second = world.post(CID, "two")
        await asyncio.sleep(30)
        assert bot.replied(first).text == "re one"
        assert bot.replied(second).text == "re two"


async def test_a_superseded_message_is_not_answered_after_a_restart(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(3), answer(f"re {c.question}")]
    async with Running(world, agent, timing=timing, definition=SUPERSEDING):
        world.post(CID, "one")
        await asyncio.sleep(1)
        world.post(CID, "two")
        await asyncio.sleep(10)
    async with Running(world, agent, timing=timing, definition=SUPERSEDING):
        await asyncio.sleep(70)
    assert len(replies(world)) == 1


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    posts=st.lists(
        st.tuples(st.sampled_from([ANN, BEN]), st.sampled_from([0.0, 0.3, 1.0, 1.9, 2.2, 4.0])), min_size=1, max_size=16
    ),
    thinking=st.sampled_from([0.0, 0.5, 3.0]),
    rules=st.sampled_from([MERGING, SUPERSEDING, {"reply": {"merge_within": "1s", "supersede": True}}]),
)
def test_every_message_is_answered_exactly_once_and_in_order(
    posts: list[tuple[User, float]], thinking: float, rules: dict[str, object]
) -> None:
    """Whatever people post, and when: each message is in exactly one answered question, in the order of posting."""

    async def play() -> tuple[list[Message], list[Message], list[str]]:
        timing = virtual_timing()
        world, agent = World(timing), ScriptedAgent(lambda c: [Pause(thinking), answer(c.question)])
        world.room(CID)
        async with Running(world, agent, timing=timing, definition=rules):
            for number, (user, gap) in enumerate(posts):
                world.post(CID, f"{number}", user=user)
                await asyncio.sleep(gap)
            await asyncio.sleep(120)
        said = [message for message in world.messages(CID) if message.user.id != BOT.id]
        return said, replies(world), [reply.text for reply in replies(world)]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        said, answers, texts = runner.run(play())
    answered = [number for text in texts for number in text.split("\n")]
    assert sorted(answered, key=int) == [message.text for message in said]
    for person in (ANN, BEN):
        own = {message.text for message in said if message.user.id == person.id}
        in_order = [number for number in answered if number in own]
        assert in_order == sorted(in_order, key=int)
    for reply in answers:
        claimed = reply.custom.get(ANSWERS, [reply.custom["reply_to"]])
        assert [message.text for message in said if message.id in claimed] == reply.text.split("\n")


@pytest.mark.parametrize(
    ("gaps", "sizes"),
    [((1, 1, 1), [4]), ((1, 3, 1), [2, 2]), ((2, 2, 2), [4]), ((2.1,), [1, 1]), ((1,) * 12, [10, 3])],
)
def test_bursts_end_with_quiet_or_at_their_cap(gaps: tuple[float, ...], sizes: list[int]) -> None:
    times = [0.0]
    for gap in gaps:
        times.append(times[-1] + gap)
    talk = [
        Message(str(n), ChannelRef("messaging", "x"), ANN, "hi", EPOCH + timedelta(seconds=at))
        for n, at in enumerate(times)
    ]
    rules = Rules.of(Reply(merge_within=timedelta(seconds=2)))
    assert rules is not None
    assert [len(burst) for burst in bursts(talk, ANN.id, rules, bot_user_id=BOT.id)] == sizes
