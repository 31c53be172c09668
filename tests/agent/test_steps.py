"""A turn that is tried again: nothing is written twice, no finished answer is asked for again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from langchain.tools import ToolRuntime, tool
from structlog.testing import capture_logs

from framework.agent.conversation import AgentEvent, Caller, Conversation, Finished, TextDelta, ToolFinished
from framework.errors import FrameworkError
from framework.tools.context import ToolContext
from tests.agent.conftest import AgentMaker, asking
from tests.support.openai_server import ScriptedServer, call, say
from tests.support.steps import KeptSteps, ProcessGoneError

PAID: list[tuple[int, str]] = []
LOOKS: list[str] = []


@tool
async def pay(amount: int, runtime: ToolRuntime[ToolContext]) -> str:
    """Pay."""
    PAID.append((amount, runtime.context.key))
    return f"Paid {amount}."


@tool(extras={"writes": False})
def look(what: str) -> str:
    """Look something up."""
    LOOKS.append(what)
    return f"{what} is fine."


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    PAID.clear()
    LOOKS.clear()


@pytest.fixture
def steps() -> KeptSteps:
    return KeptSteps()


def asked(steps: KeptSteps) -> Conversation:
    return replace(asking("Pay 5"), steps=steps)


async def events_of(make_agent: AgentMaker, steps: KeptSteps) -> list[AgentEvent]:
    return [event async for event in make_agent(pay, look).stream(asked(steps))]


async def dies(make_agent: AgentMaker, steps: KeptSteps, at: str, *, after: bool = False) -> None:
    steps.die_at, steps.after = at, after
    with pytest.raises(ProcessGoneError):
        await events_of(make_agent, steps)
    steps.die_at = ""


def final(events: list[AgentEvent]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


async def test_a_call_that_finished_is_not_made_again(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("look", {"what": "account"})), call(("pay", {"amount": 5})), say("Paid."))
    await dies(make_agent, steps, "answer")
    server.play(say("It is paid."))  # The two calls of the model that led to the payment are not made again.
    finished = final(await events_of(make_agent, steps))
    assert finished.answer.text == "It is paid."
    assert PAID == [(5, "turn-1:2")]
    assert LOOKS == ["account", "account"]  # Reading again does no harm.
    assert "Paid 5." in server.asked[-1].text
    assert finished.answer.uncertain == ()


async def test_what_the_model_wanted_to_write_is_settled_before_it_is_written(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("pay", {"amount": 5})))
    await dies(make_agent, steps, ":started")
    assert PAID == []
    server.play(say("Done."))
    await events_of(make_agent, steps)
    assert PAID == [(5, "turn-1:1")]


async def test_a_call_that_was_begun_is_reported_as_uncertain_and_not_made_again(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("pay", {"amount": 5})))
    await dies(make_agent, steps, ":started", after=True)
    server.play(say("All good!"))
    with capture_logs() as logs:
        finished = final(await events_of(make_agent, steps))
    assert PAID == []
    assert finished.answer.uncertain == ("pay",)
    assert "cannot say whether “pay” was done" in finished.answer.text  # Although the model claimed otherwise.
    assert "not known" in server.asked[-1].messages[-1]["content"]
    (line,) = [entry for entry in logs if entry.get("audit")]
    assert (line["tool"], line["user"], line["channel"]) == ("pay", "ada", "messaging:support-1")


async def test_the_same_call_made_twice_by_the_model_runs_twice(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("pay", {"amount": 5})), call(("pay", {"amount": 5})), say("Paid twice."))
    await events_of(make_agent, steps)
    assert PAID == [(5, "turn-1:1"), (5, "turn-1:2")]


async def test_a_finished_answer_is_handed_out_again_without_the_model(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("pay", {"amount": 5})), say("Paid."))
    first = final(await events_of(make_agent, steps))
    count = len(server.asked)
    again = await events_of(make_agent, steps)
    assert again == [TextDelta("Paid."), Finished(first.answer)]
    assert len(server.asked) == count


async def test_a_turn_that_only_reads_keeps_nothing_but_its_answer(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("look", {"what": "account"})), say("Fine."))
    events = await events_of(make_agent, steps)
    assert ToolFinished("look", ok=True) in events
    assert list(steps.kept) == ["answer"]


@pytest.mark.parametrize("step", ["model:", ":started", "answer"])
async def test_a_turn_that_is_no_longer_ours_ends_at_once(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps, step: str
) -> None:
    class LostError(FrameworkError):
        """As an engine says that another replica has the turn."""

    async def save(name: str, value: object) -> None:
        steps.kept[name] = json.dumps(value)
        if step in name:
            raise LostError("This turn is another replica's now.")

    steps.save = save  # type: ignore[method-assign, assignment]  # the engine's answer for this test
    server.play(call(("pay", {"amount": 5})), say("Paid."))
    with pytest.raises(LostError):
        await events_of(make_agent, steps)
    assert len(PAID) == (step == "answer")
    assert len(server.asked) == 1 + (step == "answer")


async def test_a_turn_that_is_cancelled_in_a_call_leaves_it_uncertain(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    begun = asyncio.Event()

    @tool
    async def transfer() -> str:
        """Transfer."""
        begun.set()
        await asyncio.Event().wait()
        return ""

    server.play(call(("transfer", {})))

    async def turn() -> list[AgentEvent]:
        agent = make_agent(transfer, tool_seconds=60.0)
        return [event async for event in agent.stream(asked(steps))]

    task = asyncio.create_task(turn())
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    begun.clear()
    server.play(say("Hm."))
    assert final(await turn()).answer.uncertain == ("transfer",)
    assert not begun.is_set()


def scheduled(steps: KeptSteps) -> Conversation:
    run = {"tool": "pay", "arguments": {"amount": 7}}
    return Conversation((), Caller("agent-bot", key="turn-1"), instruction="Say what came of it.", steps=steps, run=run)


@pytest.mark.parametrize("at", ["answer", ":started"])
async def test_the_tool_of_a_schedule_is_called_once_and_the_model_tells_its_result(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps, at: str
) -> None:
    steps.die_at = at
    server.play(say("Paid 7."))
    with pytest.raises(ProcessGoneError):
        [event async for event in make_agent(pay, look).stream(scheduled(steps))]
    steps.die_at = ""
    server.play(say("Paid 7."))
    finished = final([event async for event in make_agent(pay, look).stream(scheduled(steps))])
    assert PAID == [(7, "turn-1:1")]
    assert (finished.answer.text, finished.answer.tools) == ("Paid 7.", ("pay",))
    assert "Paid 7." in server.asked[-1].text


async def test_a_digest_of_other_channels_calls_no_tool_whatever_the_model_says(
    server: ScriptedServer, make_agent: AgentMaker, steps: KeptSteps
) -> None:
    server.play(call(("pay", {"amount": 7})), say("Nothing is paid."))
    digest = replace(asked(steps), instruction="Write a digest.", toolless=True)
    finished = final([event async for event in make_agent(pay, look).stream(digest)])
    assert (PAID, finished.answer.text) == ([], "Nothing is paid.")
    assert all("tools" not in request.body for request in server.asked)
