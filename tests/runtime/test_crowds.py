"""Many answers at once under the limits that the service sets, counted by the service itself, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from framework.agent.conversation import AgentEvent, Answer, Finished, TextDelta
from framework.definition.model import BotDefinition
from framework.engine.port import FencedError
from framework.errors import ChatServiceError
from framework.runtime.core.bot import Limits, Setup
from framework.runtime.core.outcome import Replied
from framework.runtime.core.turn import Turn
from framework.runtime.reply.deliver import Deliver
from framework.runtime.reply.drive import drive
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.ids import TurnIds
from framework.stream.ids import IdKey
from framework.stream.model import ChannelRef, Message, User
from framework.stream.port import ChatService
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.memory_stream import MemoryStream

TOKENS, TOKEN_SECONDS = 300, 1 / 30


async def generation(number: int, *, thinking: float = 0.0) -> AsyncIterator[AgentEvent]:
    """Ten seconds at thirty tokens a second."""
    await asyncio.sleep(thinking)
    words = [f"w{number}-{n} " for n in range(TOKENS)]
    for word in words:
        await asyncio.sleep(TOKEN_SECONDS)
        yield TextDelta(word)
    yield Finished(Answer("".join(words), "answered"))


class Answering(NamedTuple):
    turn: Turn
    events: AsyncIterator[AgentEvent]


def a_turn(number: int, timing: Timing, events: AsyncIterator[AgentEvent]) -> Answering:
    channel = ChannelRef("messaging", f"c{number}")
    trigger = Message(f"q{number}", channel, User("ann", "Ann"), "?", timing.now())
    turn = Turn(
        bot="bot",
        bot_user_id="agent-bot",
        channel=channel,
        trigger=trigger,
        received_at=timing.now(),
        ids=TurnIds(IdKey(SecretStr("secret")), "agent-bot", trigger.id),
        setup=Setup(BotDefinition.model_validate({}), ScriptedAgent()),
    )
    return Answering(turn, events)


async def deliver(service: ChatService, answering: Answering) -> None:
    delivery = Deliver(ReplyWriter(service, Limits()), Limits(), Timing())
    outcome = await drive(answering.turn, answering.events, delivery, seconds=600)
    assert isinstance(outcome, Replied), outcome


@dataclass(frozen=True)
class Figures:
    first: list[float]
    final: list[float]
    exact: bool


def figures(stream: MemoryStream, turns: list[Answering], began: float) -> Figures:
    """Seconds to first and to final text of every turn, and whether each final text is what was generated."""
    shown = [stream.seen[turn.reply_id] for turn, _ in turns]
    first = [next(seen.at for seen in seens if seen.text.strip()) - began for seens in shown]
    final = [seens[-1].at - began for seens in shown]
    exact = all(
        seens[-1].text == "".join(f"w{number}-{n} " for n in range(TOKENS)) and not seens[-1].generating
        for number, seens in enumerate(shown)
    )
    return Figures(sorted(first), sorted(final), exact)


async def crowd(stream: MemoryStream, answers: int, *, thinking: float = 0.0, bots: int = 1) -> Figures:
    """So many answers at once, by several bots of one process."""
    one = stream.service()
    services = [one, *(stream.service(one._client.app) for _ in range(bots - 1))]
    began = stream.timing.monotonic()
    turns = [a_turn(n, stream.timing, generation(n, thinking=thinking)) for n in range(answers)]
    await asyncio.gather(*(deliver(services[n % bots], turn) for n, turn in enumerate(turns)))
    return figures(stream, turns, began)


@pytest.mark.parametrize("no_ephemeral", [False, True])
@pytest.mark.parametrize("thinking", [0.0, 2.0])
async def test_two_hundred_answers_at_once_all_finish_early_seen_and_exact(
    timing: Timing, thinking: float, no_ephemeral: bool
) -> None:
    stream = MemoryStream(timing, no_ephemeral=no_ephemeral)
    got = await crowd(stream, 200, thinking=thinking, bots=3)
    assert got.exact
    assert stream.refused() == 0
    assert statistics.median(got.first) < 4.5 + thinking
    assert got.first[-1] < 9 + 2 * thinking
    assert got.final[-1] < 20 + thinking


async def test_text_that_came_while_the_post_waited_goes_with_it(timing: Timing) -> None:
    stream = MemoryStream(timing)
    got = await crowd(stream, 100)
    posts = [seen[0] for seen in stream.seen.values()]
    assert all(post.text for post in posts)
    assert max(len(post.text.split()) for post in posts) > 60
    assert got.exact


async def test_the_more_answers_are_streamed_the_longer_each_waits_for_its_turn(timing: Timing) -> None:
    longest = []
    for answers in (5, 60):
        stream = MemoryStream(timing)
        await crowd(stream, answers)
        assert stream.refused() == 0
        counts = [len(seen) for seen in stream.seen.values()]
        assert max(counts) - min(counts) <= 3
        gaps = [b.at - a.at for seen in stream.seen.values() for a, b in itertools.pairwise(seen)]
        longest.append(max(gaps))
        await asyncio.sleep(120)
    assert longest[0] < 1.5
    assert 3 < longest[1] < 7


async def test_replicas_that_know_nothing_of_each_other_come_to_share_the_limit(timing: Timing) -> None:
    chance = random.Random(7)
    timing = replace(timing, uniform=chance.uniform)
    stream = MemoryStream(timing)
    began = timing.monotonic()
    replicas = [stream.service() for _ in range(4)]
    turns = [a_turn(n, timing, generation(n)) for n in range(400)]
    await asyncio.gather(*(deliver(replicas[n % 4], turn) for n, turn in enumerate(turns)))
    got = figures(stream, turns, began)
    assert got.exact
    made = sum(stream.calls.values())
    assert stream.refused() < made * 0.06
    assert got.final[-1] < 60


async def quick(number: int) -> AsyncIterator[AgentEvent]:
    """An answer that takes no time."""
    yield Finished(Answer(f"w{number}", "answered"))


async def test_a_service_that_does_not_count_its_calls_holds_nobody_up(timing: Timing) -> None:
    stream = MemoryStream(timing, enforced=False)
    service = stream.service()
    await asyncio.gather(*(deliver(service, a_turn(n, timing, quick(n))) for n in range(3000)))
    assert len(stream.messages) == 3000
    assert timing.monotonic() < 0.1


async def test_after_the_limit_of_a_minute_nobody_storms(timing: Timing) -> None:
    chance = random.Random(7)
    timing = replace(timing, uniform=chance.uniform)
    stream = MemoryStream(timing)
    replicas = [stream.service() for _ in range(4)]

    turns = [a_turn(n, timing, quick(n)) for n in range(1600)]
    await asyncio.gather(*(deliver(replicas[n % 4], turn) for n, turn in enumerate(turns)))
    assert len(stream.messages) == 1600
    assert stream.refused() < 160


async def test_a_turn_that_lost_its_fence_while_it_waited_writes_nothing_more(timing: Timing) -> None:
    stream = MemoryStream(timing)
    service = stream.service()
    lost = False

    async def fence() -> None:
        if lost:
            raise FencedError("taken over")

    answering = a_turn(0, timing, generation(0))
    turn = replace(answering.turn, fence=fence)
    task = asyncio.create_task(deliver(service, Answering(turn, answering.events)))
    await asyncio.sleep(5)
    stream.down = True
    await asyncio.sleep(10)
    lost = True
    stream.down = False
    with pytest.raises(FencedError):
        await task
    before = stream.seen[turn.reply_id][-1]
    assert before.generating
    assert stream.messages[turn.reply_id]["generating"] is True


async def test_a_service_that_goes_down_is_left_alone_and_every_answer_comes_after_it(timing: Timing) -> None:
    stream = MemoryStream(timing)
    service = stream.service()
    turns = [a_turn(n, timing, generation(n)) for n in range(50)]
    tasks = [asyncio.create_task(deliver(service, turn)) for turn in turns]
    await asyncio.sleep(4)
    stream.down = True
    await asyncio.sleep(60)
    assert sum(1 for times in stream.times.values() for at in times if timing.monotonic() - 50 < at) < 60
    assert stream.refused(503) < 120
    stream.down = False
    await asyncio.gather(*tasks)
    assert figures(stream, turns, 0.0).exact


async def test_a_service_that_hangs_ends_in_an_error_that_says_so(timing: Timing) -> None:
    stream = MemoryStream(timing)
    stream.hangs = True
    with pytest.raises(ChatServiceError) as caught:
        await deliver(stream.service(), a_turn(0, timing, generation(0)))
    assert caught.value.retryable
    assert timing.monotonic() <= 300
