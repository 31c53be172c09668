"""Rules of tools: who may have them called, how often, for how long, and what a person approves first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain.tools import ToolRuntime, tool
from langchain_core.tools import ToolException

from framework.agent.agent import LangChainAgent
from framework.agent.conversation import AgentEvent, ApprovalRequested, Caller, Conversation, Finished
from framework.approvals import Approval, ApprovalStore, Decision, NotWaitingError
from framework.budget.usage import MemoryUsageBook
from framework.definition.parts.tools import ToolRule
from framework.errors import DefinitionError
from framework.storage import Storage
from framework.tools.approval.tool_calls import ToolApprovals
from framework.tools.context import ToolContext
from framework.tools.rate import CallLimits
from framework.tools.rules import ToolRules
from tests.agent.conftest import AgentMaker, answer, asking
from tests.support.openai_server import ScriptedServer, call, say
from tests.support.steps import KeptSteps, ProcessGoneError

REFUNDS: list[tuple[int, str, str]] = []


@tool
async def refund(amount: int, runtime: ToolRuntime[ToolContext]) -> str:
    """Refund money."""
    REFUNDS.append((amount, runtime.context.user_id, runtime.context.key))
    return f"Refunded {amount}."


@pytest.fixture(autouse=True)
def _nothing_refunded() -> None:
    REFUNDS.clear()


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


LIFETIME = timedelta(days=1)


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[ApprovalStore]:
    made = ApprovalStore(Storage(f"sqlite:///{tmp_path / 'engine.db'}"), now=clock.now)
    yield made
    made.close()


@pytest.fixture
def calls(store: ApprovalStore) -> ToolApprovals:
    return ToolApprovals("test", store, LIFETIME)


async def decide(store: ApprovalStore, id_: str, *, approve: bool) -> Approval:
    """As the runtime does: the call is shown in a channel, then somebody decides."""
    await store.place(id_, "team:reviews", 1, {"roles": []})
    await store.shown(id_, "seen")
    return await store.decide(id_, Decision(approve, "mo", "Mo", "message m-1"))


def rule(**values: Any) -> dict[str, object]:
    return {"tools": [{"name": "refund", **values}]}


def by(*roles: str, user: str = "ada") -> Conversation:
    return replace(asking("Refund me"), caller=Caller(user, "Ada", "messaging:support-1", "turn-1", roles))


async def events_of(agent: LangChainAgent, conversation: Conversation) -> list[AgentEvent]:
    return [event async for event in agent.stream(conversation)]


def offered(server: ScriptedServer) -> set[str]:
    return {entry["function"]["name"] for entry in server.asked[-1].body.get("tools", ())}


async def test_a_tool_is_not_offered_to_whom_it_is_not_for(server: ScriptedServer, make_agent: AgentMaker) -> None:
    agent = make_agent(refund, definition=rule(roles=["moderator"]))
    server.play(say("No."), say("Yes."))
    await answer(agent, by("user"))
    assert "refund" not in offered(server)
    await answer(agent, by("moderator"))
    assert "refund" in offered(server)


async def test_a_call_of_a_tool_that_was_not_offered_is_refused(server: ScriptedServer, make_agent: AgentMaker) -> None:
    agent = make_agent(refund, definition=rule(users=["vip-*"]))
    server.play(call(("refund", {"amount": 5})), say("I cannot."))
    assert (await answer(agent, by())).text == "I cannot."
    assert REFUNDS == []
    assert "may not be called" in server.asked[-1].text
    server.play(call(("refund", {"amount": 5})), say("Done."))
    await answer(agent, by(user="vip-7"))
    assert [user for _, user, _ in REFUNDS] == ["vip-7"]


async def test_a_person_cannot_have_a_tool_called_too_often(
    server: ScriptedServer, make_agent: AgentMaker, clock: Clock
) -> None:
    agent = make_agent(refund, definition=rule(per_minute=2), limits=CallLimits("test", MemoryUsageBook(), clock.now))
    again = call(("refund", {"amount": 1}))
    server.play(again, again, again, say("Enough."), again, say("Bob's."))
    await answer(agent, by())
    assert len(REFUNDS) == 2
    assert "too often" in server.asked[-1].text
    await answer(agent, by(user="bob"))
    assert len(REFUNDS) == 3
    clock.at += timedelta(seconds=61)
    server.play(again, say("Done."))
    await answer(agent, by())
    assert len(REFUNDS) == 4


async def test_each_tool_has_its_own_time(server: ScriptedServer, make_agent: AgentMaker) -> None:
    import asyncio

    @tool
    async def slow() -> str:
        """Slow."""
        await asyncio.Event().wait()
        return ""

    agent = make_agent(slow, definition={"tools": [{"name": "slow", "timeout": "0.05s"}]}, tool_seconds=60.0)
    server.play(call(("slow", {})), say("It took too long."))
    await answer(agent, "Go")
    told = server.asked[-1].messages[-1]["content"]
    assert "within 0.05 seconds" in told
    assert "not known" in told  # It may have happened all the same.


@pytest.mark.parametrize(
    ("approval", "amount", "asks"),
    [
        ("always", 1, True),
        ("never", 1_000, False),
        ("when: args.amount > 100", 100, False),
        ("when: args.amount > 100", 101, True),
        ("when: 'staff' not in user.roles", 1, True),
        ("when: args.missing > 100", 1, True),  # What cannot be told is asked.
    ],
)
async def test_approval_is_asked_for_as_declared(
    server: ScriptedServer,
    make_agent: AgentMaker,
    store: ApprovalStore,
    calls: ToolApprovals,
    approval: str,
    amount: int,
    *,
    asks: bool,
) -> None:
    agent = make_agent(refund, definition=rule(approval=approval), approvals=calls)
    server.play(call(("refund", {"amount": amount})), say("We shall see."))
    events = await events_of(agent, by())
    assert [event.tool for event in events if isinstance(event, ApprovalRequested)] == (["refund"] if asks else [])
    assert bool(REFUNDS) is not asks
    assert len(await store.waiting()) == int(asks)


@tool
async def pay(amount: float, runtime: ToolRuntime[ToolContext], fee: float = 0.0) -> str:
    """Pay."""
    if fee < 0:
        raise ToolException("There is no such fee.")
    REFUNDS.append((int(amount) if amount == amount else 0, runtime.context.user_id, runtime.context.key))
    return f"Paid {amount}."


@pytest.mark.parametrize(
    ("condition", "arguments", "asks"),
    [
        ("args.amount > 100", {"amount": float("nan")}, True),
        ("args.amount > 100", {"amount": float("inf")}, True),
        ("args.amount > 100", {"amount": float("-inf")}, True),
        ("args.amount > 100", {"amount": 5, "fee": float("nan")}, True),
        ("args.amount > 100", {"amount": -5_000}, True),  # judged by its size as well
        ("abs(args.amount) > 100", {"amount": -5_000}, True),
        ("args.amount < 0", {"amount": -1}, True),
        ("args.amount > 100", {"amount": -50}, False),
        ("args.amount > 100", {"amount": "7000"}, True),  # as the tool takes it
        ("args.amount > 100", {"amount": "50"}, False),
        ("args.amount > 100", {"amount": "1e400"}, True),
        ("args.amount > 100", {"amount": True}, False),  # the tool gets 1.0
        ("args.amount > 100", {"amount": [7_000]}, True),
        ("args.amount > 100", {"amount": 10**30}, True),
        ("args.amount > 100", {"amount": 10**400}, True),
        ("args.amount > 100", {}, True),
        ("args.amount + args.fee > 100", {"amount": 100}, False),  # what the tool fills in counts
        ("args.amount + args.fee > 100", {"amount": 100, "fee": 1}, True),
    ],
)
async def test_conditions_judge_what_the_tool_gets(
    store: ApprovalStore, calls: ToolApprovals, condition: str, arguments: dict[str, Any], *, asks: bool
) -> None:
    rules = ToolRules([ToolRule(name="pay", approval=f"when: {condition}")])
    context = ToolContext("ada", "Ada", "messaging:support-1", "turn-1:1", Path())
    assert rules.judge(pay, arguments, context).asks is asks


def spending(condition: str) -> dict[str, object]:
    return {"tools": [{"name": "pay", "approval": f"when: {condition}"}]}


def turn(key: str, user: str = "ada") -> Conversation:
    return replace(asking("Pay me"), caller=Caller(user, "Ada", "messaging:support-1", key))


async def test_many_small_calls_ask_once_their_sum_is_large(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals, clock: Clock
) -> None:
    agent = make_agent(pay, definition=spending("args.amount per day > 100"), approvals=calls)

    async def pays(key: str, amount: float, user: str = "ada") -> bool:
        server.play(call(("pay", {"amount": amount})), say("Done."))
        events = await events_of(agent, turn(key, user))
        return not any(isinstance(event, ApprovalRequested) for event in events)

    assert [await pays(f"t-{n}", 40) for n in range(3)] == [True, True, False]
    assert await pays("t-3", 20)
    assert not await pays("t-4", -1)  # nothing is earned back
    assert await pays("t-5", 100, user="bob")
    clock.at += timedelta(hours=23)
    first = next(one for one in await store.waiting() if one.request.content == {"amount": 40})
    await decide(store, first.id, approve=True)
    server.play(say("You got it."))
    await answer(agent, Conversation((), Caller("mo", key="t-6"), decided=first.id))
    clock.at += timedelta(hours=2)
    assert not await pays("t-7", 61)  # what a person approved counts as well
    assert await pays("t-8", 60)
    assert sum(amount for amount, user, _ in REFUNDS if user == "ada") == 40 + 40 + 20 + 40 + 60


async def test_calls_at_once_do_not_pass_together(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    agent = make_agent(pay, definition=spending("args.amount per hour > 100"), approvals=calls)
    server.play(call(*(("pay", {"amount": 30}) for _ in range(7))), say("Done."))
    await events_of(agent, turn("turn-1"))
    assert len(REFUNDS) == 3
    assert len(await store.waiting()) == 4


async def test_a_call_that_failed_or_runs_again_is_not_counted(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    agent = make_agent(pay, definition=spending("args.amount per week > 100"), approvals=calls)
    server.play(call(("pay", {"amount": 90, "fee": -1})), say("Failed."))
    await events_of(agent, turn("turn-1"))
    for _ in range(3):  # the same call of the same turn, tried again
        server.play(call(("pay", {"amount": 90})), say("Done."))
        await events_of(agent, turn("turn-2"))
    assert await store.waiting() == []


async def test_an_approved_call_runs_once_for_whoever_asked_for_it(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    agent = make_agent(refund, definition=rule(approval="always"), approvals=calls)
    server.play(call(("refund", {"amount": 5})), say("The team looks at it."))
    (request,) = [event for event in await events_of(agent, by()) if isinstance(event, ApprovalRequested)]
    assert (request.tool, request.args_summary) == ("refund", "amount: 5")
    assert "not run" in server.asked[-1].text
    decided = await decide(store, request.id, approve=True)
    assert (decided.state, decided.request.channel) == ("approved", "messaging:support-1")
    assert decided.decision is not None
    assert (decided.decision.by, decided.decision.how) == ("mo", "message m-1")
    later = Conversation((), Caller("mo", "Mo", "messaging:support-1", "turn-2"), decided=request.id)
    server.play(say("You got 5 back."))
    assert (await answer(agent, later)).text == "You got 5 back."
    assert REFUNDS == [(5, "ada", "turn-1:1")]
    assert "Refunded 5." in server.asked[-1].text
    server.play(say("Told again."))
    await answer(agent, replace(later, caller=replace(later.caller, key="turn-3")))  # A second follow-up.
    assert len(REFUNDS) == 1
    assert "Refunded 5." in server.asked[-1].text
    with pytest.raises(NotWaitingError):
        await decide(store, request.id, approve=False)


async def test_a_denied_call_does_not_run_and_the_customer_is_told(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    agent = make_agent(refund, definition=rule(approval="always"), approvals=calls)
    server.play(call(("refund", {"amount": 5})), say("Wait."))
    (request,) = [event for event in await events_of(agent, by()) if isinstance(event, ApprovalRequested)]
    await decide(store, request.id, approve=False)
    server.play(say("Sorry, no."))
    await answer(agent, Conversation((), Caller("ada", key="turn-2"), decided=request.id))
    assert REFUNDS == []
    assert "did not approve" in server.asked[-1].messages[-1]["content"]


async def test_a_turn_that_is_tried_again_asks_the_team_once(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    agent, steps = make_agent(refund, definition=rule(approval="always"), approvals=calls), KeptSteps()
    server.play(call(("refund", {"amount": 5})), say("Wait."))
    steps.die_at = "answer"
    with pytest.raises(ProcessGoneError):
        await events_of(agent, replace(by(), steps=steps))
    steps.die_at = ""
    server.play(say("Wait."))
    await events_of(agent, replace(by(), steps=steps))
    assert len(await store.waiting()) == 1
    replayed = await events_of(agent, replace(by(), steps=steps))  # The kept answer brings the request again.
    assert any(isinstance(event, ApprovalRequested) for event in replayed)


async def test_an_approved_call_that_was_interrupted_is_uncertain(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    agent = make_agent(refund, definition=rule(approval="always"), approvals=calls)
    server.play(call(("refund", {"amount": 5})), say("Wait."))
    (request,) = [event for event in await events_of(agent, by()) if isinstance(event, ApprovalRequested)]
    await decide(store, request.id, approve=True)
    approval = await store.get(request.id)
    assert await calls.claim(approval, "refund", {"amount": 5})  # A process that died while it ran the call.
    server.play(say("Hm."))
    events = await events_of(agent, Conversation((), Caller("ada", key="turn-2"), decided=request.id))
    assert isinstance(events[-1], Finished)
    assert events[-1].answer.uncertain == ("refund",)
    assert REFUNDS == []


async def test_a_call_that_nobody_decided_on_is_forgotten(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals, clock: Clock
) -> None:
    agent = make_agent(refund, definition=rule(approval="always"), approvals=calls)
    server.play(call(("refund", {"amount": 5})), say("Wait."))
    await events_of(agent, by())
    (pending,) = await store.waiting()
    clock.at += LIFETIME + timedelta(seconds=1)
    with pytest.raises(NotWaitingError):
        await decide(store, pending.id, approve=True)


@pytest.mark.parametrize("order", ["x" * 70_000, ["\u202e" * 20_000]])
async def test_a_call_that_nobody_could_read_is_not_asked_for(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals, order: object
) -> None:
    @tool
    def ship(order: object) -> str:
        """Ship."""
        REFUNDS.append((0, "", ""))
        return "Shipped."

    agent = make_agent(ship, definition={"tools": [{"name": "ship", "approval": "always"}]}, approvals=calls)
    server.play(call(("ship", {"order": order})), say("That is too long."))
    events = await events_of(agent, by())
    assert not any(isinstance(event, ApprovalRequested) for event in events)
    assert "too long for a person to read" in server.asked[-1].text
    assert await store.waiting() == []
    assert REFUNDS == []


async def test_what_people_see_of_a_call_holds_no_secrets(
    server: ScriptedServer, make_agent: AgentMaker, store: ApprovalStore, calls: ToolApprovals
) -> None:
    @tool
    def log_in(name: str, password: str) -> str:
        """Log in."""
        return name + password

    agent = make_agent(log_in, definition={"tools": [{"name": "log_in", "approval": "always"}]}, approvals=calls)
    server.play(call(("log_in", {"name": "ada", "password": "hunter2"})), say("Wait."))
    (request,) = [event for event in await events_of(agent, by()) if isinstance(event, ApprovalRequested)]
    assert "hunter2" not in request.args_summary


@pytest.mark.parametrize("approval", ["sometimes", "when:", "when: args.amount >"])
def test_a_condition_that_cannot_be_read_is_named(make_agent: AgentMaker, approval: str) -> None:
    with pytest.raises((DefinitionError, ValueError), match=r"refund|approval"):
        make_agent(refund, definition=rule(approval=approval))
