"""A model that is down, hangs, trickles or asks to wait: every turn ends in time, with an error that says what was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from framework.agent.agent import LangChainAgent
from framework.agent.models.failure import ModelDownError, ModelOutageError
from framework.errors import ModelError
from framework.net.breaker import FAILURES, breakers
from framework.runtime.reply.buffer import AnswerBuffer
from tests.agent.conftest import AgentMaker, answer, asking
from tests.support.openai_server import ScriptedServer, Step, Stream, cut, fail, hang, say
from tests.support.waiting import PATIENCE

ONCE = {"retries": 0}
# Without the milliseconds, which a scripted failure asks for, the SDK goes by the seconds.
WAIT = fail(429, headers={"retry-after-ms": "", "retry-after": "30"})


async def fails(agent: LangChainAgent) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await answer(agent, "Hello?")
    return caught.value


async def test_a_model_that_is_down_is_not_asked_until_one_call_has_found_it_back(
    server: ScriptedServer, make_agent: AgentMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("FIRST_PAUSE", "LONGEST_PAUSE"):  # on a machine however slow, it is not over by itself
        monkeypatch.setattr(f"framework.net.breaker.{pause}", 600.0)
    agent, same = make_agent(model=ONCE), make_agent(model=ONCE)
    server.play(*[fail(500)] * FAILURES, say("Back."))
    for _ in range(FAILURES):
        error = await fails(agent)
        assert isinstance(error, ModelOutageError)
        assert not isinstance(error, ModelDownError)
    down = await fails(same)
    assert isinstance(down, ModelDownError)
    assert down.retryable
    assert 0 < down.seconds <= 600
    assert "is down" in down.what
    assert len(server.asked) == FAILURES
    (breaker,) = [breaker for breaker in breakers() if server.url in breaker.name]
    assert breaker.state == "open"
    breaker._due = 0.0
    assert (await answer(same, "Hello?")).text == "Back."
    assert breaker.seconds == 0


@pytest.mark.parametrize("step", [fail(429), fail(400), fail(401), cut("Half")])
async def test_a_model_that_says_no_or_breaks_off_is_not_down(
    server: ScriptedServer, make_agent: AgentMaker, step: Step
) -> None:
    agent = make_agent(model=ONCE)
    server.play(*[step] * (FAILURES + 1))
    for _ in range(FAILURES + 1):
        assert not isinstance(await fails(agent), ModelOutageError)
    assert len(server.asked) == FAILURES + 1


async def trickle(stream: Stream) -> None:
    """One word after the other, for ever."""
    await stream.begin()
    while True:
        await stream.delta({"role": "assistant", "content": "and "})
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("step", [hang(), hang("Half"), trickle, WAIT])
async def test_a_turn_s_generation_ends_at_its_deadline_whatever_the_model_does(
    server: ScriptedServer, make_agent: AgentMaker, step: Step
) -> None:
    server.play(step)
    buffer = AnswerBuffer()
    async with aclosing(make_agent().stream(asking("Hello?"))) as events, buffer.reading(events, seconds=0.4):
        await buffer.wait_ended(PATIENCE)
    result = buffer.result()
    assert isinstance(result, ModelError)
    assert "within" in result.what


async def test_a_cancellation_that_is_lost_on_the_way_to_the_model_ends_the_call_all_the_same(
    server: ScriptedServer, make_agent: AgentMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = asyncio.Event()

    async def losing(source: AsyncIterator[object], *_: object, **__: object) -> AsyncIterator[object]:
        while True:
            piece = asyncio.ensure_future(anext(source))
            try:
                await asyncio.wait({piece})
            except asyncio.CancelledError:
                lost.set()
                await asyncio.wait({piece})
            yield piece.result()

    monkeypatch.setattr("langchain_openai.chat_models.base._astream_with_chunk_timeout", losing)
    server.play(trickle)
    buffer = AnswerBuffer()
    async with aclosing(make_agent().stream(asking("Hello?"))) as events, buffer.reading(events, seconds=0.4):
        await buffer.wait_ended(PATIENCE)
        assert buffer.ended
    assert lost.is_set()
    result = buffer.result()
    assert isinstance(result, ModelError)
    assert "within" in result.what
