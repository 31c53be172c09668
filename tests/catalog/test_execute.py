"""Executing operations against the sandbox: tokens, retries, approvals, the audit log."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framework.catalog.catalog import UnknownOperationError
from framework.catalog.execution.approvals import ApprovalNeededError, Question
from framework.catalog.execution.arguments import ArgumentsError
from framework.catalog.execution.broker import CredentialBroker, HandleError
from framework.catalog.execution.policy import NotAllowedError
from framework.catalog.execution.principal import Principal
from framework.errors import ChatServiceError, FrameworkError
from framework.sandbox.kernel.faults import Fault
from framework.stream.budget import Endpoint
from framework.stream.factory import shared_app
from framework.stream.timing import Timing
from tests.support.operations import Desk, desk, policy
from tests.support.sandbox import API_KEY, RunningSandbox, start_sandbox

ROOM = {"type": "messaging", "id": "room"}
MESSAGING = {"name": "messaging", "automod": "disabled", "automod_behavior": "flag", "max_message_length": 5_000}
BOT = Principal("bot:support_bot", bot="agent-bot", caller="alice", channel="messaging:room", key="turn-1")


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.fixture
async def at(sandbox: RunningSandbox, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(sandbox.url, tmp_path) as open_desk:
        users = {name: {"id": name} for name in ("alice", "bob", "agent-bot")}
        await open_desk.execute("UpdateUsers", {"users": users})
        members = [{"user_id": name} for name in users]
        await open_desk.execute("GetOrCreateChannel", {**ROOM, "data": {"created_by_id": "alice", "members": members}})
        await open_desk.execute(
            "GetOrCreateChannel", {"type": "messaging", "id": "private", "data": {"created_by_id": "bob"}}
        )
        yield open_desk


def said(text: str, **fields: Any) -> dict[str, Any]:
    return {**ROOM, "message": {"text": text, **fields}}


async def texts(at: Desk) -> list[str]:
    found = await at.execute(
        "QueryChannels", {"filter_conditions": {"cid": "messaging:room"}, "message_limit": 100, "state": True}
    )
    return [message["text"] for message in found["channels"][0].get("messages", [])]


async def test_a_user_acts_with_a_token_of_their_own(at: Desk) -> None:
    sent = await at.execute("SendMessage", said("Hi", user_id="alice"), as_user="alice")
    assert sent["message"]["user"]["id"] == "alice"
    assert (await at.log())[-1]["acts_as"] == "alice"


async def test_the_app_acts_for_a_user_that_the_arguments_name(at: Desk) -> None:
    sent = await at.execute("SendMessage", said("Hi", user_id="bob"))
    assert sent["message"]["user"]["id"] == "bob"


async def test_what_people_write_is_read_as_they_wrote_it(at: Desk) -> None:
    text = "I forgot my password please help: authorization required, x < 1 & y"
    await at.execute("SendMessage", said(text, user_id="alice"))
    assert await texts(at) == [text]
    assert text in (await at.log())[-2]["arguments"]


async def test_a_user_token_has_no_more_rights_than_the_user(at: Desk) -> None:
    with pytest.raises(ChatServiceError) as caught:
        await at.execute("DeleteChannel", ROOM, as_user="bob")
    assert caught.value.code == 17
    assert "omit as_user and name the user" in str(caught.value)
    assert (await at.log())[-1]["outcome"] == "failed"
    with pytest.raises(ChatServiceError) as caught:
        await at.execute("DeleteChannel", ROOM, policy=policy(BOT, act_as="bot"))
    assert "Only a person can give it" in str(caught.value)


async def test_delivery_is_reported_by_a_user_or_for_one(at: Desk) -> None:
    sent = await at.execute("SendMessage", said("Hi", user_id="bob"))
    arrived = {"latest_delivered_messages": [{"cid": "messaging:room", "id": sent["message"]["id"]}]}
    await at.execute("UpdateChannelType", {**MESSAGING, "delivery_events": True})
    await at.execute("MarkDelivered", arrived, as_user="alice")
    await at.execute("MarkDelivered", {**arrived, "user_id": "agent-bot"})


async def test_a_handle_stands_for_a_user_until_it_ends_and_only_for_its_holder(at: Desk) -> None:
    issued = await at.toolbox.issue_user_token(at.policy, "alice", 60)
    assert set(issued) == {"user_id", "expires_in_seconds", "as_user"}
    sent = await at.execute("SendMessage", said("Hi from the agent"), as_user=issued["as_user"])
    assert sent["message"]["user"]["id"] == "alice"
    with pytest.raises(HandleError):
        await at.execute("SendMessage", said("Hi"), as_user=issued["as_user"], policy=policy("mcp:other"))


def test_a_handle_ends() -> None:
    from pydantic import SecretStr

    now = datetime(2026, 1, 1, tzinfo=UTC)
    broker = CredentialBroker("key", SecretStr("s" * 32), now=lambda: now)
    handle = broker.issue_handle("alice", "mcp:test", timedelta(seconds=60))
    assert broker.resolve(handle, "mcp:test") == "alice"
    now += timedelta(seconds=61)
    with pytest.raises(HandleError):
        broker.resolve(handle, "mcp:test")


@pytest.mark.parametrize("users", [[], ["bob"]])
async def test_tokens_are_issued_only_for_users_that_the_policy_names(at: Desk, users: list[str]) -> None:
    rules = policy(issue_tokens={"users": users})
    with pytest.raises(NotAllowedError):
        await at.toolbox.issue_user_token(rules, "alice")
    entry = (await at.log())[-1]
    assert (entry["operation"], entry["outcome"]) == ("issue_user_token", "refused")


async def test_a_token_is_revealed_only_where_the_policy_says_so_and_lives_as_long_as_asked(at: Desk) -> None:
    import jwt

    rules = policy(issue_tokens={"users": ["alice"], "reveal": True, "longest": "5m"})
    issued = await at.toolbox.issue_user_token(rules, "alice", 120)
    claims = jwt.decode(issued["token"], options={"verify_signature": False})
    assert claims["user_id"] == "alice"
    assert 120 <= claims["exp"] - claims["iat"] <= 150
    with pytest.raises(ArgumentsError, match="at most 300"):
        await at.toolbox.issue_user_token(rules, "alice", 3_000)
    assert issued["token"] not in str(await at.log())


@pytest.mark.parametrize(
    ("operation", "arguments", "error", "outcome"),
    [
        ("DeleteChannel", ROOM, NotAllowedError, "refused"),
        ("DeleteEverything", {}, UnknownOperationError, "invalid"),
        ("SendMessage", {**ROOM, "message": 5}, ArgumentsError, "invalid"),
        ("GetMessage", {"id": "nothing"}, ChatServiceError, "failed"),
    ],
)
async def test_whatever_does_not_happen_is_in_the_audit_log_with_its_reason(
    at: Desk, operation: str, arguments: dict[str, Any], error: type[FrameworkError], outcome: str
) -> None:
    with pytest.raises(error):
        await at.execute(operation, arguments, policy=policy(deny="destroys"))
    entry = (await at.log())[-1]
    assert (entry["operation"], entry["outcome"], entry["who"]) == (operation, outcome, "mcp:test")
    assert entry["detail"]


async def test_a_turn_that_runs_again_says_nothing_twice_and_nobody_can_take_its_ids(at: Desk) -> None:
    turn = policy(BOT, act_as="bot")
    sent = await at.execute("SendMessage", said("Hi"), policy=turn)
    again = await at.execute("SendMessage", said("Hi"), policy=turn)
    assert again["message"]["id"] == sent["message"]["id"]
    assert await texts(at) == ["Hi"]
    # If somebody had it all the same, their message would not be taken for what was said.
    wanted = sent["message"]["id"]
    await at.execute("DeleteMessage", {"id": wanted, "hard": True})
    await at.execute("SendMessage", said("mine", id=wanted, user_id="bob"))
    with pytest.raises(ChatServiceError, match="posted before"):
        await at.execute("SendMessage", said("Hi"), policy=turn)
    assert await texts(at) == ["mine"]


async def test_the_audit_log_tells_who_what_for_whom_and_what_came_of_it(at: Desk) -> None:
    await at.execute("SendMessage", said("Hi"), policy=policy(BOT, act_as="bot"))
    entry = (await at.log())[-1]
    assert entry["who"] == "bot:support_bot"
    assert (entry["caller"], entry["channel"], entry["acts_as"]) == ("alice", "messaging:room", "agent-bot")
    assert entry["operation"] == "SendMessage"
    assert "Hi" in entry["arguments"]
    assert entry["outcome"] == "done"
    assert "message (messaging:room)" in entry["detail"]
    assert entry["milliseconds"] > 0


async def test_nothing_is_executed_when_the_audit_log_cannot_be_written(at: Desk) -> None:
    await at.toolbox.close()
    kept = {file: file.read_bytes() for file in at.data.glob("engine.db*")}
    for file in kept:
        file.unlink()
    (at.data / "engine.db").mkdir()
    with pytest.raises(FrameworkError, match="nothing is executed"):
        await at.execute("SendMessage", said("unseen"))
    (at.data / "engine.db").rmdir()
    assert "unseen" not in await texts(at)


async def test_a_channel_out_of_bounds_is_out_of_bounds_however_it_is_named(at: Desk) -> None:
    elsewhere = {"type": "messaging", "id": "private"}
    secret = await at.execute("SendMessage", {**elsewhere, "message": {"text": "hush", "user_id": "bob"}})
    message_id = secret["message"]["id"]
    bot = policy(BOT, channels="conversation")
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("GetChannel", elsewhere),
        ("SendMessage", {**elsewhere, "message": {"text": "x", "user_id": "bob"}}),
        ("GetMessage", {"id": message_id}),
        ("DeleteMessage", {"id": message_id}),
        ("GetReplies", {"parent_id": message_id}),
        ("SendReaction", {"id": message_id, "reaction": {"type": "like", "user_id": "bob"}}),
        ("Flag", {"target_message_id": message_id, "user_id": "bob"}),
        ("DeleteChannels", {"cids": ["messaging:room", "messaging:private"]}),
        ("QueryMembers", {"payload": {"type": "messaging", "id": "private", "filter_conditions": {}}}),
        ("ExportUser", {"user_id": "bob"}),
    ]
    for operation, arguments in attempts:
        with pytest.raises(NotAllowedError):
            await at.execute(operation, arguments, policy=bot)
    assert [entry["outcome"] for entry in (await at.log())[-len(attempts) :]] == ["refused"] * len(attempts)
    await at.execute("GetMessage", {"id": message_id})


async def test_a_message_out_of_bounds_is_neither_quoted_nor_changed_under_another_id(at: Desk) -> None:
    elsewhere = {"type": "messaging", "id": "private"}
    secret = (await at.execute("SendMessage", {**elsewhere, "message": {"text": "hush", "user_id": "bob"}}))["message"]
    mine = (await at.execute("SendMessage", said("mine", user_id="alice")))["message"]
    bot = policy(BOT, channels="conversation")
    quote = {"quoted_message_id": secret["id"], "user_id": "bob"}
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("SendMessage", said("look", **quote)),
        ("SendMessage", said("look", custom=quote)),
        ("UpdateMessagePartial", {"id": mine["id"], "set": quote}),
        ("UpdateMessage", {"id": mine["id"], "message": {"id": secret["id"], "text": "x", "user_id": "bob"}}),
    ]
    for operation, arguments in attempts:
        with pytest.raises(NotAllowedError, match="messaging:private"):
            await at.execute(operation, arguments, policy=bot)
    again = {"id": mine["id"], "message": {"id": mine["id"], "text": "changed", "user_id": "alice"}}
    await at.execute("UpdateMessage", again, policy=bot)
    await at.execute("SendMessage", said("look", quoted_message_id=mine["id"], user_id="alice"), policy=bot)
    assert await texts(at) == ["changed", "look"]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("SendMessage", said("x", custom={"user_id": "bob"})),
        ("SendMessage", said("x", custom={"user": {"id": "bob"}})),
        ("SendReaction", {"id": "m", "reaction": {"type": "like", "custom": {"user_id": "bob"}}}),
        ("UpdateChannel", {**ROOM, "data": {"custom": {"created_by_id": "bob"}}}),
        ("CreatePoll", {"name": "x", "custom": {"user_id": "bob"}}),
        ("CreateCampaign", {"sender_id": "bob", "message_template": {"text": "x"}}),
    ],
)
async def test_a_custom_field_is_no_way_to_be_somebody_else(
    at: Desk, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(NotAllowedError, match="'bob'"):
        await at.execute(operation, arguments, policy=policy(BOT, act_as=["app", "bot"]))
    assert (await at.log())[-1]["outcome"] == "refused"


async def test_naming_a_user_is_no_way_to_change_them(at: Desk) -> None:
    promoted = {"id": "agent-bot", "role": "admin"}
    app = policy(BOT, act_as=["app", "bot"], channels="conversation")
    reader = policy("mcp:reader", allow="reads")
    with pytest.raises(NotAllowedError, match="UpdateUsers"):
        await at.execute("SendMessage", said("x", user=promoted), policy=app)
    with pytest.raises(NotAllowedError, match="UpdateUsers"):
        await at.execute("QueryChannels", {"filter_conditions": {}, "user": promoted}, policy=reader)
    await at.execute("SendMessage", said("x", user=promoted), policy=app, as_user="agent-bot")
    users = await at.execute("QueryUsers", {"payload": {"filter_conditions": {"id": "agent-bot"}}}, policy=reader)
    assert users["users"][0]["role"] == "user"


async def test_queries_find_nothing_out_of_bounds(at: Desk) -> None:
    elsewhere = {"type": "messaging", "id": "private"}
    await at.execute("SendMessage", {**elsewhere, "message": {"text": "hush money", "user_id": "bob"}})
    await at.execute("SendMessage", said("no money", user_id="alice"))
    bot = policy(BOT, channels="conversation")
    wide = {
        "payload": {"filter_conditions": {"cid": {"$in": ["messaging:room", "messaging:private"]}}, "query": "money"}
    }
    found = await at.execute("Search", wide, policy=bot)
    assert [hit["message"]["text"] for hit in found["results"]] == ["no money"]
    channels = await at.execute("QueryChannels", {"filter_conditions": {"type": "messaging"}}, policy=bot)
    assert [entry["channel"]["cid"] for entry in channels["channels"]] == ["messaging:room"]
    with pytest.raises(NotAllowedError, match="predefined filter"):
        await at.execute("QueryChannels", {"predefined_filter": "all"}, policy=bot)


async def test_a_message_that_got_through_is_not_sent_twice(sandbox: RunningSandbox, at: Desk) -> None:
    sandbox.sandbox.faults.add(Fault("SendMessage", drop="after"))
    sent = await at.execute("SendMessage", said("once", user_id="alice"))
    assert sent["message"]["text"] == "once"
    assert (await texts(at)).count("once") == 1


async def test_a_turn_that_runs_again_sends_nothing_twice(at: Desk) -> None:
    rules = policy(BOT, act_as="bot")
    for _ in range(2):
        await at.execute("SendMessage", said("again"), policy=rules)
    assert (await texts(at)).count("again") == 1
    await at.execute("SendMessage", said("again, but differently"), policy=rules)
    assert len(await texts(at)) == 2


async def test_a_read_is_repeated_and_a_write_only_where_nothing_was_done(sandbox: RunningSandbox, at: Desk) -> None:
    faults = sandbox.sandbox.faults
    faults.add(Fault("GetApp", status=500, count=2))
    assert (await at.execute("GetApp"))["app"]
    faults.add(Fault("CreateRole", status=500))
    with pytest.raises(ChatServiceError, match="HTTP 500"):
        await at.execute("CreateRole", {"name": "helper"})
    faults.add(Fault("CreateRole", status=429, retry_after_s=0.05))
    await at.execute("CreateRole", {"name": "helper"})
    assert not faults.waiting()


@pytest.mark.parametrize("operation", ["DeleteRole", "UpdateCommand"])
async def test_a_write_whose_answer_is_lost_is_not_repeated_below_us(
    sandbox: RunningSandbox, at: Desk, operation: str
) -> None:
    await at.execute("CreateRole", {"name": "helper"})
    await at.execute("CreateCommand", {"name": "helper", "description": "x"})
    sandbox.sandbox.faults.add(Fault(operation, drop="after", count=2))
    arguments = {"name": "helper"} | ({"description": "y"} if operation == "UpdateCommand" else {})
    with pytest.raises(ChatServiceError, match="cannot be reached"):
        await at.execute(operation, arguments)
    assert sandbox.sandbox.faults.waiting() == [{"pattern": operation, "count": 1}]


async def test_bots_and_operations_of_one_process_share_the_limits(sandbox: RunningSandbox, tmp_path: Path) -> None:
    time, waits = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        time[0] += seconds

    timing = Timing(monotonic=lambda: time[0], sleep=sleep)
    async with desk(sandbox.url, tmp_path, timing=timing) as at:
        shared_app(API_KEY, sandbox.url, timing).budget.bucket(Endpoint.QUERY_CHANNELS, as_user=False).close(12)
        await at.execute("GetApp")
        assert not waits
        await at.execute("QueryChannels", {"filter_conditions": {}})
    assert sum(waits) >= 12


async def test_a_limit_is_waited_for_until_it_ends(sandbox: RunningSandbox, tmp_path: Path) -> None:
    time, waits = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        time[0] += seconds

    sandbox.sandbox.faults.add(Fault("GetApp", status=429, retry_after_s=17))
    timing = Timing(monotonic=lambda: time[0], sleep=sleep)
    async with desk(sandbox.url, tmp_path, timing=timing) as at:
        await at.execute("GetApp")
    assert 17 <= sum(waits) <= 20


async def test_a_service_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    async with desk("http://127.0.0.1:9", tmp_path) as at:
        with pytest.raises(ChatServiceError, match="cannot be reached"):
            await at.execute("GetApp")
        assert (await at.log())[-1]["outcome"] == "failed"


async def test_what_needs_approval_waits_for_a_person_and_counts_once(at: Desk) -> None:
    rules = policy(approve="destroys")
    sent = await at.execute("SendMessage", said("delete me", user_id="alice"))
    target = {"id": sent["message"]["id"]}
    with pytest.raises(ApprovalNeededError) as caught:
        await at.execute("DeleteMessage", target, policy=rules)
    approvals = at.records()[1]
    (waiting,) = await approvals.waiting()
    assert waiting.number in str(caught.value)
    assert (waiting.request.scope, waiting.request.subject) == ("mcp:test", "DeleteMessage")
    await approvals.decide(waiting.number, approve=True, by="boss")
    with pytest.raises(ApprovalNeededError):
        await at.execute("DeleteMessage", {"id": "another"}, policy=rules)
    deleted = await at.execute("DeleteMessage", target, policy=rules)
    assert deleted["message"]["type"] == "deleted"
    with pytest.raises(ApprovalNeededError):
        await at.execute("DeleteMessage", target, policy=rules)
    log = [entry for entry in await at.log() if entry["operation"] == "DeleteMessage"]
    assert [(entry["outcome"], entry["approved_by"]) for entry in log] == [
        ("waits for approval", ""),
        ("approved", "boss"),
        ("waits for approval", ""),
        ("done", "boss"),
        ("waits for approval", ""),
    ]


async def test_an_approval_for_one_principal_or_channel_is_none_for_another(at: Desk) -> None:
    with pytest.raises(ApprovalNeededError):
        await at.execute("DeleteChannel", ROOM, policy=policy("mcp:a", approve="destroys"))
    approvals = at.records()[1]
    await approvals.decide((await approvals.waiting())[0].number, approve=True, by="boss")
    with pytest.raises(ApprovalNeededError):
        await at.execute("DeleteChannel", ROOM, policy=policy("mcp:b", approve="destroys"))


@pytest.mark.parametrize(("answer", "happens"), [(True, True), (False, False), (None, False)])
async def test_the_person_who_is_there_is_asked(at: Desk, answer: bool | None, happens: bool) -> None:
    asked: list[str] = []

    async def ask(question: Question) -> bool | None:
        asked.append(str(question))
        return answer

    call = at.execute("DeleteChannel", ROOM, policy=policy(approve="destroys"), ask=ask)
    if happens:
        assert (await call)["channel"]["cid"] == "messaging:room"
    else:
        with pytest.raises(ApprovalNeededError, match="said no" if answer is False else "waits"):
            await call
    assert "DeleteChannel" in asked[0]
    assert '"room"' in asked[0]


async def test_a_person_who_said_no_is_not_outvoted_by_asking_again(at: Desk) -> None:
    rules = policy(approve="destroys")
    for _ in range(2):
        with pytest.raises(ApprovalNeededError):
            await at.execute("DeleteChannel", ROOM, policy=rules)
    approvals = at.records()[1]
    (only,) = await approvals.waiting()
    await approvals.decide(only.number, approve=False, by="boss")
    with pytest.raises(ApprovalNeededError):
        await at.execute("DeleteChannel", ROOM, policy=rules)
    with pytest.raises(FrameworkError, match="No call waits"):
        await approvals.decide(only.number, approve=True, by="boss")


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_clock_that_is_wrong_is_made_up_for(sandbox: RunningSandbox, tmp_path: Path, hours: int) -> None:
    timing = Timing(now=lambda: datetime.now(UTC) + timedelta(hours=hours))
    async with desk(sandbox.url, tmp_path, timing=timing) as at:
        await at.execute("CreateRole", {"name": "helper"})
        assert [entry["outcome"] for entry in await at.log()] == ["done"]


async def test_a_few_calls_are_not_slowed_down(tmp_path: Path) -> None:
    time, waits = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        time[0] += seconds

    async with start_sandbox(rate_limits=True) as running:
        timing = Timing(monotonic=lambda: time[0], sleep=sleep)
        async with desk(running.url, tmp_path, timing=timing) as at:
            for _ in range(2):
                await at.execute("GetChannelType", {"name": "messaging"})
            assert not waits
