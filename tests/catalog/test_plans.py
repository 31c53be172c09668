"""Plans: checked and approved as a whole, executed in order, stopped by the first failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from framework.catalog.answers import kind_at
from framework.catalog.catalog import Catalog
from framework.catalog.execution.approvals import ApprovalNeededError, Question
from framework.catalog.execution.plan import PlanError, read_plan
from framework.catalog.execution.principal import Principal
from framework.catalog.execution.undo import inverse_of
from framework.catalog.toolbox import PlanStoppedError
from framework.errors import FrameworkError, ToolError
from framework.sandbox.kernel.faults import Fault
from tests.support.operations import Desk, desk, policy
from tests.support.sandbox import RunningSandbox, start_sandbox

ROOM = {"type": "messaging", "id": "room"}
BOT = Principal("bot:support_bot", bot="agent-bot", caller="alice", channel="messaging:room", key="turn-1")
CHANNEL = {
    "operation_id": "GetOrCreateDistinctChannel",
    "arguments": {"type": "messaging", "data": {"created_by_id": "alice", "members": ["alice", "bob"]}},
}
GREETING = {
    "operation_id": "SendMessage",
    "arguments": {
        "cid": "$1.channel.cid",
        "message": {"text": "Hi, this is ${1.channel.id}!", "user_id": "$1.members[0].user_id"},
    },
}
FAILING = {"operation_id": "GetCampaign", "arguments": {"id": "none"}}


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.fixture
async def at(sandbox: RunningSandbox, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(sandbox.url, tmp_path) as open_desk:
        await open_desk.execute("UpdateUsers", {"users": {n: {"id": n} for n in ("alice", "bob", "agent-bot")}})
        members = ["alice", "bob", "agent-bot"]
        await open_desk.execute("GetOrCreateChannel", {**ROOM, "data": {"created_by_id": "alice", "members": members}})
        yield open_desk


def step(operation_id: str, **arguments: Any) -> dict[str, Any]:
    return {"operation_id": operation_id, "arguments": arguments}


BOB = step("QueryUsers", payload={"filter_conditions": {"id": "bob"}})


async def run(at: Desk, *steps: dict[str, Any], **options: Any) -> dict[str, Any]:
    rules = options.pop("policy", at.policy)
    return await at.toolbox.execute_plan(rules, list(steps), **options)


async def messages(at: Desk, cid: str) -> list[str]:
    query = {"filter_conditions": {"cid": cid}, "message_limit": 30, "state": True}
    return [m["text"] for m in (await at.execute("QueryChannels", query))["channels"][0].get("messages", [])]


async def test_later_steps_refer_to_earlier_answers(at: Desk) -> None:
    answer = await run(at, CHANNEL, GREETING)
    assert (answer["status"], [step["operation"] for step in answer["steps"]]) == (
        "ok",
        ["GetOrCreateDistinctChannel", "SendMessage"],
    )
    channel = answer["steps"][0]["result"]["channel"]
    message = answer["steps"][1]["result"]["message"]
    assert message["text"] == f"Hi, this is {channel['id']}!"
    assert message["user"]["id"] in {"alice", "bob"}
    log = (await at.log())[-2:]
    assert await messages(at, channel["cid"]) == [message["text"]]
    assert [entry["detail"].partition(";")[0] for entry in log] == ["step 1 of 2", "step 2 of 2"]
    assert {entry["outcome"] for entry in log} == {"done"}


async def test_a_reference_stands_in_names_lists_and_objects_and_keeps_its_kind(at: Desk) -> None:
    made = {"operation_id": "CreatePoll", "arguments": {"name": "Lunch?", "user_id": "alice", "max_votes_allowed": 2}}
    copied = {
        "operation_id": "UpdateUsers",
        "arguments": {
            "users": {
                "${1.poll.created_by_id}": {"id": "$1.poll.created_by_id", "limits": ["$1.poll.max_votes_allowed"]}
            }
        },
    }
    priced = {
        "operation_id": "SendMessage",
        "arguments": {**ROOM, "message": {"text": "$5 or $1.50, $$1.poll.id", "user_id": "bob"}},
    }
    answer = await run(at, made, copied, priced)
    assert answer["steps"][1]["result"]["users"]["alice"]["limits"] == [2]
    assert answer["steps"][2]["result"]["message"]["text"] == "$5 or $1.50, $1.poll.id"


WRONG: list[tuple[list[dict[str, Any]], str]] = [
    ([GREETING, CHANNEL], "step 1 is not executed before this one"),
    ([CHANNEL, {**GREETING, "arguments": {"cid": "$7.channel.cid", "message": {}}}], "there is no step 7"),
    ([CHANNEL, {**GREETING, "arguments": {"cid": "$1.chanel.cid", "message": {}}}], "Did you mean channel"),
    ([CHANNEL, {**GREETING, "arguments": {"cid": "$1.members.user_id", "message": {}}}], r"members\[0\]"),
    ([CHANNEL, {**GREETING, "arguments": {**ROOM, "message": "$1.channel.cid"}}], "expected an object"),
    ([CHANNEL, {"operation_id": "SendMesage"}], "Did you mean SendMessage"),
    ([CHANNEL, {"operation_id": "GetCampaign"}], "id is required"),
    ([CHANNEL, {"operation_id": "GetMessage", "arguments": {"id": "a/../b"}}], "no part of a path"),
    ([CHANNEL, FAILING | {"as_user": "$1.channel.created_by.id"}], "as_user must be known"),
    ([CHANNEL, FAILING | {"role": "admin"}], "'role', which no step has"),
    ([{"arguments": {}}], "names no operation"),
    ([], "must be a list"),
    ([FAILING] * 21, "at most 20 steps"),
]


@pytest.mark.parametrize(("steps", "words"), WRONG)
async def test_a_plan_that_cannot_work_is_refused_before_its_first_step(
    at: Desk, steps: list[dict[str, Any]], words: str
) -> None:
    before = len(await at.log())
    with pytest.raises(PlanError, match=words):
        await run(at, *steps)
    assert not [entry for entry in (await at.log())[before:] if entry["outcome"] not in {"invalid", "refused"}]


async def test_all_that_is_wrong_is_told_at_once(at: Desk) -> None:
    with pytest.raises(PlanError) as caught:
        await run(at, {"operation_id": "GetCampaign"}, CHANNEL, {"operation_id": "GetPoll"})
    assert "Step 1, GetCampaign" in str(caught.value)
    assert "Step 3, GetPoll" in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 5_000, '{"steps": 1}', "no", '[{"operation_id": "GetApp", "arguments": 1}]'])
def test_steps_may_come_as_text_and_bad_text_is_told(text: str) -> None:
    with pytest.raises(PlanError):
        read_plan(text)
    assert read_plan(json.dumps([CHANNEL])).steps[0].operation_id == "GetOrCreateDistinctChannel"


async def test_every_step_needs_the_policys_word_before_the_first(at: Desk) -> None:
    with pytest.raises(PlanError, match="Step 2, DeleteChannel: Not allowed"):
        await run(at, CHANNEL, {"operation_id": "DeleteChannel", "arguments": ROOM}, policy=policy(deny=["destroys"]))
    assert (await at.log())[-1]["outcome"] == "refused"


async def test_a_value_from_an_answer_is_judged_like_one_that_is_written(at: Desk) -> None:
    """The policy's bounds hold for what a reference turns out to be."""
    await at.execute("GetOrCreateChannel", {"type": "messaging", "id": "vip", "data": {"created_by_id": "bob"}})
    await at.execute("UpdateUsersPartial", {"users": [{"id": "bob", "set": {"home": "messaging:vip"}}]})
    bounded = policy(channels=["messaging:room"], allow=["reads", "writes", "QueryUsers"])
    said = {"text": "$1.users[0].home", "user_id": "alice"}
    by_id = step("SendMessage", type="messaging", id="$1.users[0].room", message=said)
    await at.execute("UpdateUsersPartial", {"users": [{"id": "bob", "set": {"room": "vip"}}]})
    with pytest.raises(PlanStoppedError, match="out of bounds"):
        await run(at, BOB, by_id, policy=bounded)
    assert await messages(at, "messaging:vip") == []
    honest = step("SendMessage", **ROOM, message=said)
    assert (await run(at, BOB, honest, policy=bounded))["status"] == "ok"


async def test_a_role_that_comes_from_an_answer_is_still_a_role(at: Desk) -> None:
    """Whatever makes a call one that administers is asked about, though the plan needed no approval."""
    await at.execute("UpdateUsersPartial", {"users": [{"id": "bob", "set": {"note": {"id": "bob", "role": "admin"}}}]})
    cautious = policy(approve=["administers"])
    change = {"operation_id": "UpdateUsers", "arguments": {"users": {"bob": "$1.users[0].note"}}}
    with pytest.raises(PlanStoppedError, match="waits for a person's approval"):
        await run(at, BOB, change, policy=cautious)
    found = await at.execute("QueryUsers", {"payload": {"filter_conditions": {"id": "bob"}}})
    assert found["users"][0]["role"] == "user"


async def test_a_secret_in_an_answer_is_moved_nowhere(at: Desk) -> None:
    await at.execute("UpdateUsersPartial", {"users": [{"id": "bob", "set": {"api_key": "hush-hush"}}]})
    send = {
        "operation_id": "SendMessage",
        "arguments": {**ROOM, "message": {"text": "$1.users[0].api_key", "user_id": "bob"}},
    }
    await run(at, BOB, send)
    assert "hush" not in str(await messages(at, "messaging:room"))


async def test_the_first_failure_ends_it_and_what_was_done_can_be_undone(at: Desk) -> None:
    made = {"operation_id": "CreatePoll", "arguments": {"name": "Lunch?", "user_id": "alice"}}
    send = {"operation_id": "SendMessage", "arguments": {**ROOM, "message": {"text": "$1.poll.name", "user_id": "bob"}}}
    later = {"operation_id": "DeletePollOption", "arguments": {"poll_id": "$1.poll.id", "option_id": "$3.campaign.id"}}
    with pytest.raises(PlanStoppedError) as caught:
        await run(at, made, send, FAILING, later)
    record = caught.value.record
    assert (record["status"], record["failed"]["step"], record["failed"]["operation"]) == ("stopped", 3, "GetCampaign")
    assert "may_have_happened" not in record
    poll = record["done"][0]["result"]["poll"]["id"]
    assert [step["operation_id"] for step in record["not_done"]] == ["GetCampaign", "DeletePollOption"]
    assert record["not_done"][1]["arguments"] == {"poll_id": poll, "option_id": "$1.campaign.id"}
    assert [step["operation_id"] for step in record["to_undo_it"]] == ["DeleteMessage", "DeletePoll"]
    undone = await run(at, *({k: v for k, v in step.items() if k != "note"} for step in record["to_undo_it"]))
    assert undone["status"] == "ok"
    with pytest.raises(FrameworkError):
        await at.execute("GetPoll", {"poll_id": poll, "user_id": "alice"})


async def test_a_step_of_unknown_fate_says_where_to_look(at: Desk, sandbox: RunningSandbox) -> None:
    sandbox.sandbox.faults.add(Fault(pattern="CreatePoll", drop="after"))
    with pytest.raises(PlanStoppedError) as caught:
        await run(at, CHANNEL, {"operation_id": "CreatePoll", "arguments": {"name": "Lunch?", "user_id": "alice"}})
    record = caught.value.record
    assert record["may_have_happened"] is True
    assert "GetPoll shows how it stands" in record["failed"]["hint"]


async def test_a_plan_is_approved_as_a_whole_and_shown_whole(at: Desk) -> None:
    asked: list[Question] = []

    async def yes(question: Question) -> bool:
        asked.append(question)
        return True

    long = "x" * 3_000
    steps = (
        CHANNEL,
        {
            "operation_id": "SendMessage",
            "arguments": {"cid": "$1.channel.cid", "message": {"text": long, "user_id": "bob"}},
        },
        {"operation_id": "DeleteChannel", "arguments": {"cid": "$1.channel.cid", "hard_delete": True}},
    )
    cautious = policy(approve=["destroys"])
    assert (await run(at, *steps, policy=cautious, ask=yes))["status"] == "ok"
    (question,) = asked
    text = str(question)
    for words in ("step 1: GetOrCreateDistinctChannel", "step 2: SendMessage", long, "step 3: DeleteChannel",
                  "hard_delete: true", '"$1.channel.cid"', "as: app"):  # fmt: skip
        assert words in text
    assert {entry["approved_by"] for entry in (await at.log())[-3:]} == {"the person at the client"}


async def test_without_a_person_it_waits_and_counts_once_for_exactly_this_plan(at: Desk) -> None:
    cautious = policy(approve=["destroys"])
    steps = [CHANNEL, {"operation_id": "DeleteChannel", "arguments": {"cid": "$1.channel.cid"}}]
    with pytest.raises(ApprovalNeededError, match="waits for a person's approval"):
        await run(at, *steps, policy=cautious)
    assert [entry["outcome"] for entry in (await at.log())[-2:]] == ["waits for approval"] * 2
    _, approvals = at.records()
    (waiting,) = await approvals.waiting()
    await approvals.decide(waiting.number, approve=True, by="admin")
    other = [CHANNEL, {"operation_id": "DeleteChannel", "arguments": {"cid": "$1.channel.cid", "hard_delete": True}}]
    with pytest.raises(ApprovalNeededError):
        await run(at, *other, policy=cautious)
    assert (await run(at, *steps, policy=cautious))["status"] == "ok"
    with pytest.raises(ApprovalNeededError):
        await run(at, *steps, policy=cautious)


async def test_what_a_bot_may_not_post_is_seen_when_it_is_known(at: Desk) -> None:
    """A text that an earlier answer brings in is looked at like one that the bot writes."""

    def screen(operation_id: str, arguments: Any) -> dict[str, Any]:
        if "evil.example" in json.dumps(arguments, default=str):
            raise ToolError("This bot may not post that address.")
        return dict(arguments)

    await at.execute("UpdateUsersPartial", {"users": [{"id": "bob", "set": {"site": "https://evil.example"}}]})
    rules = policy(BOT, act_as=["bot"], allow=["reads", "writes", "QueryUsers"])
    send = {"operation_id": "SendMessage", "arguments": {**ROOM, "message": {"text": "See $1.users[0].site"}}}
    with pytest.raises(PlanStoppedError, match="may not post that address"):
        await run(at, BOB, send, policy=rules, screen=screen)
    assert await messages(at, "messaging:room") == []
    fine = {"operation_id": "SendMessage", "arguments": {**ROOM, "message": {"text": "See $1.users[0].id"}}}
    assert (await run(at, BOB, fine, policy=rules, screen=screen))["status"] == "ok"
    assert await messages(at, "messaging:room") == ["See bob"]


def test_every_inverse_takes_what_it_is_given(catalog: Catalog) -> None:
    """The table names places that requests and answers have."""
    from framework.catalog.execution.undo import _inverses

    for operation_id, entries in _inverses().items():
        takes = {parameter.name for parameter in catalog.operation(operation_id).parameters}
        for entry in entries:
            inverse = {parameter.name for parameter in catalog.operation(entry["by"]).parameters}
            assert set(entry["arguments"]) <= inverse, operation_id
            for place in entry["arguments"].values():
                source, _, path = place.partition(".")
                if source == "answer":
                    kind_at(operation_id, tuple(path.split(".")))
                else:
                    assert path.partition(".")[0] in takes, f"{operation_id}: {place}"


def test_what_was_deleted_hard_is_not_called_undeletable(catalog: Catalog) -> None:
    delete, body = catalog.operation("DeleteMessage"), {"message": {"user": {"id": "bob"}}}
    assert inverse_of(catalog, delete, {"id": "m", "hard": True}, body) is None
    assert inverse_of(catalog, delete, {"id": "m"}, body) == {
        "operation_id": "UndeleteMessage",
        "arguments": {"id": "m", "undeleted_by": "bob"},
    }
