"""One reply without staying: the `reply` command's work."""

from __future__ import annotations

import pytest

from framework.errors import ChatServiceError, ModelError, UsageError
from framework.runtime.one_shot import reply_once
from framework.stream.model import ChannelRef
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent, echo
from tests.support.bots import BOT, CID, Running
from tests.support.chat import BEN, World

REF = ChannelRef.parse(CID)


async def test_answers_the_newest_message_from_the_last_n(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    for n in range(10):
        world.post(CID, f"q{n}", user=BEN)
    message = world.post(CID, "last")
    bot = Running(world, agent, timing=timing).bot
    done = await reply_once(bot, REF, last=4, timing=timing)
    assert (done.message_id, done.posted, done.text) == (bot.ids.of(message.id).reply[0], True, "You said: last")
    assert world.message(done.message_id).text == "You said: last"
    assert [u.text for u in agent.asked[0].utterances] == ["q7", "q8", "q9", "last"]


async def test_a_second_call_gives_the_same_id_and_posts_nothing(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.post(CID, "Hi")
    bot = Running(world, agent, timing=timing).bot
    first = await reply_once(bot, REF, last=20, timing=timing)
    second = await reply_once(bot, REF, last=20, timing=timing)
    assert second.message_id == first.message_id
    assert (second.posted, second.text, second.outcome) == (False, "You said: Hi", "answered")
    assert len(world.messages(CID)) == 2
    assert len(agent.asked) == 1


async def test_an_operator_s_wish_is_not_bound_by_the_trigger(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.post(CID, "Just talking")
    bot = Running(world, agent, timing=timing, definition={"respond_to": "mention"}).bot
    assert (await reply_once(bot, REF, last=20, timing=timing)).posted


async def test_a_channel_without_a_person_s_message_is_a_usage_error(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.post(CID, "Only me here", user=BOT)
    with pytest.raises(UsageError, match="nothing to answer"):
        await reply_once(Running(world, agent, timing=timing).bot, REF, last=20, timing=timing)


async def test_a_channel_that_does_not_exist_is_said_to_be_so(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    with pytest.raises(UsageError, match="There is no channel messaging:support-1"):
        await reply_once(Running(world, agent, timing=timing).bot, REF, last=20, timing=timing)


async def test_an_agent_that_fails_fails_the_command(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.post(CID, "Hi")
    agent.script = lambda _: [ModelError("no such model")]
    with pytest.raises(ModelError, match="no such model"):
        await reply_once(Running(world, agent, timing=timing).bot, REF, last=20, timing=timing)


async def test_an_answer_takes_the_place_of_an_earlier_apology(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.post(CID, "Hi")
    bot = Running(world, agent, timing=timing).bot
    agent.script = lambda _: [ModelError("no such model")]
    with pytest.raises(ModelError):
        await reply_once(bot, REF, last=20, timing=timing)
    agent.script = echo
    done = await reply_once(bot, REF, last=20, timing=timing)
    assert (done.posted, done.text) == (True, "You said: Hi")
    reply = world.message(done.message_id)
    assert (reply.text, reply.generating, reply.custom["outcome"]) == ("You said: Hi", False, "answered")
    assert len(world.messages(CID)) == 2


async def test_a_service_that_fails_fails_the_command(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.post(CID, "Hi")
    running = Running(world, agent, timing=timing)
    running.service.fail("send", what="rate limited")
    with pytest.raises(ChatServiceError, match="rate limited"):
        await reply_once(running.bot, REF, last=20, timing=timing)
