"""How a reply comes to be seen: at once, growing, complete."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from framework.agent.conversation import AgentEvent, Caller, Conversation, Source, TextDelta, ToolFinished, ToolStarted
from framework.engine.port import FencedError
from framework.runtime.core.bot import Limits
from framework.runtime.core.job import TurnRequest
from framework.runtime.core.turn import Turn
from framework.runtime.reply.deliver import Deliver
from framework.runtime.reply.drive import drive
from framework.runtime.reply.writer import ReplyWriter
from framework.stream.model import ChannelRef, OutgoingMessage
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, Step, answer, slowly
from tests.support.bots import CID, Running
from tests.support.chat import World


async def test_an_instant_answer_is_one_write(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(1)
        assert bot.replied(message).text == "You said: Hi"
        assert bot.service.calls["send"] == 1
        assert (
            bot.service.calls["update_message"]
            == bot.service.calls["stream_update"]
            == bot.service.calls["indicate"]
            == 0
        )


async def test_first_text_within_the_head_start_is_posted_with_the_reply(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [Pause(0.05), TextDelta("One"), Pause(1), TextDelta(" two"), answer("One two.")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Count")
        await asyncio.sleep(0.09)
        reply = bot.replied(message)
        assert (reply.text, reply.generating, reply.ai_generated) == ("One", True, True)
        await asyncio.sleep(2)
        reply = bot.replied(message)
        assert (reply.text, reply.generating) == ("One two.", False)


async def test_a_slow_answer_starts_as_a_placeholder_that_thinks(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("Let ", "me ", "see.", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Well?")
        await asyncio.sleep(0.7)
        reply = bot.replied(message)
        assert (reply.text, reply.generating, reply.custom["reply_to"]) == ("", True, message.id)
        assert bot.service.states[reply.id] == ["thinking"]
        await asyncio.sleep(5)
        assert bot.replied(message).text == "Let me see."
        assert bot.service.states[reply.id] == ["thinking", "generating", None]
        assert bot.service.streamed[reply.id] == ["Let ", "Let me ", "Let me see."]


async def test_a_tool_s_turn_is_shown_and_text_before_it_is_not_the_answer(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [
        TextDelta("I will look it up"),
        Pause(1),
        ToolStarted("tickets"),
        Pause(1),
        ToolFinished("tickets", ok=True),
        Pause(1),
        TextDelta("It is open."),
        Pause(1),
        answer("It is open."),
    ]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "My ticket?")
        await asyncio.sleep(10)
        reply = bot.replied(message)
        assert reply.text == "It is open."
        assert bot.service.states[reply.id] == ["external_sources", "thinking", "generating", None]
        assert bot.service.streamed[reply.id][-1] == "It is open."


async def test_a_streamed_answer_of_two_seconds_is_three_calls(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly(*["word "] * 18, pause=0.1)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Talk")
        await asyncio.sleep(4)
        assert bot.replied(message).text == "word " * 18
        made = {name: bot.service.calls[name] for name in ("send", "stream_update", "update_message", "indicate")}
    assert made == {"send": 1, "stream_update": 1, "update_message": 1, "indicate": 0}


@pytest.mark.parametrize(("refresh", "least", "most"), [("1s", 5, 7), ("0.3s", 15, 22)])
async def test_a_growing_answer_is_shown_as_often_as_the_bot_says(
    world: World, agent: ScriptedAgent, timing: Timing, refresh: str, least: int, most: int
) -> None:
    world.room(CID)
    words = [f"word{n} " for n in range(600)]
    agent.script = slowly(*words, pause=0.01)
    async with Running(world, agent, timing=timing, definition={"reply": {"refresh": refresh}}) as bot:
        message = world.post(CID, "Talk")
        await asyncio.sleep(20)
        reply = bot.replied(message)
        assert reply.text == "".join(words)
        sketches = bot.service.streamed[reply.id]
    assert least <= len(sketches) <= most
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(sketches))


async def test_the_final_write_comes_even_if_no_sketch_passed(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly("a", "b", "c", pause=1)
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("stream_update", times=1000)
        bot.service.fail("indicate", times=1000)
        message = world.post(CID, "Talk")
        await asyncio.sleep(10)
        reply = bot.replied(message)
        assert (reply.text, reply.generating) == ("abc", False)


async def test_a_sketch_that_was_left_out_is_made_up_for(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = lambda _: [Pause(1), TextDelta("Half of it"), Pause(30), answer("All of it")]
    async with Running(world, agent, timing=timing) as bot:
        bot.service.fail("stream_update", times=2)
        message = world.post(CID, "Talk")
        await asyncio.sleep(5)
        assert bot.service.streamed[bot.replied(message).id] == ["Half of it"]
        await asyncio.sleep(30)


async def test_a_long_answer_is_split_into_messages_that_can_be_told_to_belong_together(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    paragraphs = [f"Paragraph {n}. " + "x" * 900 for n in range(13)]
    agent.script = slowly(*[f"{text}\n\n" for text in paragraphs], pause=0.3)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Everything, please")
        await asyncio.sleep(20)
        first = bot.replied(message)
        parts = [m for m in world.messages(CID) if m.user.id == "agent-bot"]
    assert [m.custom.get("part_of") for m in parts] == [None, first.id, first.id]
    assert len({m.id for m in parts}) == 3
    assert all(len(m.text) <= 5_000 and not m.generating for m in parts)
    assert [line for m in parts for line in m.text.split("\n\n") if line] == paragraphs
    assert parts[1].custom == {"part_of": first.id}


async def test_many_sources_do_not_cost_the_answer(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    sources = tuple(Source(f"Title {n} " + "t" * 200, f"articles/{n}.md", "Heading") for n in range(100))
    agent.script = lambda _: [answer("Here", sources=sources)]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Sources?")
        await asyncio.sleep(1)
        kept = bot.replied(message).custom["sources"]
    assert kept[0] == {"title": sources[0].title, "file": "articles/0.md", "heading": "Heading"}
    assert 5 < len(kept) < 30


async def test_marks_the_channel_read_before_it_answers(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    agent.script = slowly("a", pause=5)
    async with Running(world, agent, timing=timing, definition={"reply": {"stream": False}}) as bot:
        world.post(CID, "Hi")
        await asyncio.sleep(1)
        assert bot.service.read == [(ChannelRef.parse(CID), None)]
        await asyncio.sleep(15)


@pytest.mark.parametrize("reply", [{"stream": True}, {"stream": True, "place": "thread"}])
async def test_whoever_posts_at_once_in_the_place_needs_no_read_mark(
    world: World, agent: ScriptedAgent, timing: Timing, reply: dict[str, object]
) -> None:
    world.room(CID)
    agent.script = slowly("a", pause=5)
    async with Running(world, agent, timing=timing, definition={"reply": reply}) as bot:
        world.post(CID, "Hi")
        await asyncio.sleep(15)
        elsewhere = reply.get("place") == "thread"
        assert bot.service.read == ([(ChannelRef.parse(CID), None)] if elsewhere else [])


async def test_a_turn_that_posts_nothing_marks_read_at_its_end(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = lambda _: [Pause(0.05), answer("Hello.")]
    async with Running(world, agent, timing=timing, definition={"drafts": {"enabled": True}}) as bot:
        world.post(CID, "Hi")
        await asyncio.sleep(5)
        assert bot.service.read == [(ChannelRef.parse(CID), None)]


async def test_an_answer_whose_text_follows_at_once_shows_no_state(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Two calls of an answer are saved: the state, and its end."""
    world.room(CID)
    agent.script = slowly("One ", "two ", "three.", pause=0.15)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Count")
        await asyncio.sleep(5)
        assert bot.replied(message).text == "One two three."
        assert bot.service.calls["indicate"] == bot.service.calls["mark_read"] == 0


async def test_states_that_change_faster_than_anybody_reads_are_one_call(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    steps: list[Step] = [ToolStarted("tickets"), Pause(0.02), ToolFinished("tickets", ok=True), Pause(0.02)]
    agent.script = lambda _: [
        Pause(0.3),
        *steps * 5,
        Pause(3),
        TextDelta("It is open."),
        Pause(0.1),
        answer("It is open."),
    ]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "My ticket?")
        await asyncio.sleep(10)
        reply = bot.replied(message)
        assert reply.text == "It is open."
        assert bot.service.states[reply.id] == ["thinking", "generating", None]


async def test_an_answer_that_is_written_for_long_shows_that_it_may_be_stopped(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    agent.script = slowly(*["word "] * 30, pause=0.15)
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Talk")
        await asyncio.sleep(2.3)
        reply = bot.replied(message)
        assert bot.service.streamed[reply.id]
        assert bot.service.states.get(reply.id, []) == []
        await asyncio.sleep(0.5)
        assert bot.service.states[reply.id] == ["generating"]
        await asyncio.sleep(5)
        assert bot.service.states[reply.id] == ["generating", None]


async def test_a_reply_found_complete_at_posting_is_left_as_it_is(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Someone else, say another replica, posted the reply while this process was thinking."""
    world.room(CID)
    agent.script = lambda _: [Pause(0.05), answer("mine")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hi")
        await asyncio.sleep(0.03)
        theirs = OutgoingMessage(bot.bot.ids.of(message.id).reply[0], "theirs", custom={"ai_generated": True})
        await bot.service.send(message.channel, theirs)
        await asyncio.sleep(1)
        assert bot.replied(message).text == "theirs"


class Fence:
    """Lets so many writes pass."""

    def __init__(self, passes: int) -> None:
        self.passes = passes

    async def __call__(self) -> None:
        self.passes -= 1
        if self.passes < 0:
            raise FencedError("taken over")


FENCED_OFF = {0: {}, 1: {1: True}, 2: {1: True, 2: False}, 3: {1: False, 2: False}}


@pytest.mark.parametrize("passes", FENCED_OFF)
async def test_a_turn_that_is_no_longer_ours_writes_nothing_more_and_changes_nothing(
    world: World, agent: ScriptedAgent, timing: Timing, passes: int
) -> None:
    """A post, a second part, the final write, a deletion: the fence stands before each of them."""
    world.room(CID)
    bot = Running(world, agent, timing=timing)
    trigger = world.post(CID, "Everything, please")
    text = "a" * 4_000 + "\n\n" + "b" * 4_000
    agent.script = lambda _: [Pause(0.05), TextDelta(text[:100]), Pause(1), answer(text)]
    conversation = Conversation((), Caller("ann"))
    turn = replace(TurnRequest(bot.bot, trigger, "live").turn(now=timing.now()), fence=Fence(passes))
    with pytest.raises(FencedError):
        await write_and_withdraw(ReplyWriter(bot.service, Limits()), turn, agent.stream(conversation), timing)
    parts = {turn.ids.chain("reply", part=part)[0]: part for part in (1, 2)}
    posted = {parts[m.id]: m.generating for m in world.messages(CID) if m.id != trigger.id}
    assert posted == FENCED_OFF[passes]


async def write_and_withdraw(
    writer: ReplyWriter, turn: Turn, events: AsyncIterator[AgentEvent], timing: Timing
) -> None:
    await drive(turn, events, Deliver(writer, Limits(), timing), seconds=60)
    await writer.withdraw(turn)
