"""The server over stdio, with the official client as a process of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from tests.support.mcp import Connected, ToolFailedError, stdio, variables
from tests.support.sandbox import RunningSandbox, start_sandbox

ROOM = {"type": "messaging", "id": "room"}


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


async def furnish(client: Connected) -> None:
    await client.execute("UpdateUsers", {"users": {"alice": {"id": "alice"}}})
    await client.execute("GetOrCreateChannel", {**ROOM, "data": {"created_by_id": "alice"}})


async def test_the_tools_say_what_they_are_and_work(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        assert await client.tools() == [
            "search_operations",
            "load_operation",
            "list_operations",
            "execute_operation",
            "list_campaigns",
            "plan_campaign",
            "watch_campaign",
            "start_campaign",
            "stop_campaign",
        ]
        found = await client.call("search_operations", intent="halt the welcome campaign")
        assert found["hits"][0]["id"] == "StopCampaign"
        none = await client.call("search_operations", intent="issue a JWT for alice")
        assert none["status"] == "no_operation"
        assert "issue_user_token" in none["hint"]
        loaded = await client.call("load_operation", operation_id="StopCampaign")
        assert loaded["arguments"]["required"] == ["id"]
        assert "StopCampaign" in await client.call("list_operations", group="campaigns")
        assert "campaigns: " in await client.call("list_operations")
        assert (await client.execute("GetApp"))["app"]


WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("execute_operation", {"operation_id": "SendMesage"}, ["Did you mean SendMessage"]),
    ("execute_operation", {"operation_id": "GetCampaign"}, ["id is required", "support-123"]),
    ("execute_operation", {"operation_id": "GetCampaign", "arguments": {"id": "none"}}, ["not found"]),
    ("execute_operation", {"operation_id": "GetCampaign", "arguments": "{"}, ["must be an object"]),
    ("execute_operation", {"operation_id": "GetApp", "more": "r123"}, ["There is no rest"]),
    ("execute_operation", {"operation_id": "GetApp", "as_user": "user-token-forged"}, ["handle"]),
    ("load_operation", {"operation_id": "Nope"}, ["There is no operation"]),
    ("load_operation", {"operation_id": "SendMessage", "model": "Nope"}, ["has no model", "MessageRequest"]),
    ("list_operations", {"group": "nope"}, ["There is no group", "campaigns"]),
]


async def test_an_error_is_told_in_words_to_act_on(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        for tool, arguments, words in WRONG:
            with pytest.raises(ToolFailedError) as caught:
                await client.call(tool, **arguments)
            for word in words:
                assert word in str(caught.value)
            assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(("answer", "happens"), [("accept", True), ("decline", False)])
async def test_what_destroys_is_asked_of_the_person_at_the_client(
    sandbox: RunningSandbox, tmp_path: Path, mode: str, answer: Any, happens: bool
) -> None:
    asked: list[str] = []

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        form: Any = getattr(params, "requested_schema", {})
        (field,) = form["properties"]
        return ElicitResult(action=answer, content={field: True} if answer == "accept" else None)

    environment = variables(sandbox, tmp_path)
    async with stdio(environment=environment, mode=mode, elicitation_callback=person) as client:
        await furnish(client)
        if happens:
            assert (await client.execute("DeleteChannel", ROOM))["channel"]["cid"] == "messaging:room"
        else:
            with pytest.raises(ToolFailedError, match="said no"):
                await client.execute("DeleteChannel", ROOM)
    (question,) = asked
    assert "mcp:local wants to execute DeleteChannel" in question
    assert '"room"' in question


async def test_a_client_that_can_ask_nobody_is_told_how_to_get_approval(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        await furnish(client)
        with pytest.raises(ToolFailedError, match="framework ops approve"):
            await client.execute("DeleteChannel", ROOM)


@pytest.mark.parametrize(("policy", "written"), [("read-only", False), ("standard", True)])
async def test_the_policy_by_name_decides(sandbox: RunningSandbox, tmp_path: Path, policy: str, written: bool) -> None:
    async with stdio("--policy", policy, environment=variables(sandbox, tmp_path)) as client:
        call = client.execute("UpdateUsers", {"users": {"alice": {"id": "alice"}}})
        if written:
            await call
        else:
            with pytest.raises(ToolFailedError, match=r"Not allowed: UpdateUsers \(writes\)"):
                await call
            hits = (await client.call("search_operations", intent="create or update users"))["hits"]
            assert not any(hit.get("allowed", True) for hit in hits if hit["id"] == "UpdateUsers")


async def test_a_client_of_the_configuration_has_its_own_policy(sandbox: RunningSandbox, tmp_path: Path) -> None:
    config = tmp_path / "mcp.yaml"
    rules = "{allow: [reads, SendMessage], channels: ['messaging:room'], act_as: [app]}"
    config.write_text(f"clients:\n  desk:\n    operations: {rules}\n")
    async with stdio("--policy", "full", environment=variables(sandbox, tmp_path)) as client:
        await furnish(client)
    options = ("--config", str(config), "--client", "desk")
    async with stdio(*options, environment=variables(sandbox, tmp_path)) as client:
        await client.execute("QueryMembers", {"payload": {**ROOM, "filter_conditions": {}}})
        for operation, arguments in (
            ("GetManyMessages", {"type": "messaging", "id": "other", "ids": ["m"]}),
            ("SendMessage", {**ROOM, "message": {"text": "x", "user_id": "alice"}}),
            ("DeleteChannel", ROOM),
        ):
            with pytest.raises(ToolFailedError, match="Not allowed"):
                await client.execute(operation, arguments)


async def test_a_long_answer_can_be_read_to_its_end(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        await furnish(client)
        for number in range(40):
            await client.execute(
                "SendMessage", {**ROOM, "message": {"text": f"m {number} " + "x" * 400, "user_id": "alice"}}
            )
        query = {"filter_conditions": {"cid": "messaging:room"}, "message_limit": 40, "state": True}
        answer = await client.call("execute_operation", operation_id="QueryChannels", arguments=query)
        read = answer["result"]["channels"][0]["messages"]
        while rest := [place for place in answer["left_out"] if "messages?from=" in place]:
            answer = {"left_out": ()} | await client.call("execute_operation", more=rest[0])
            read += answer["result"]
    assert [message["text"].split(" x")[0] for message in read] == [f"m {number}" for number in range(40)]


async def test_arguments_may_come_as_text(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        answer = await client.call(
            "execute_operation", operation_id="GetChannelType", arguments='{"name": "messaging"}'
        )
    assert answer["result"]["name"] == "messaging"


async def test_arguments_that_do_not_fit_are_told_in_our_words(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        found = await client.call("search_operations", intent="halt the welcome campaign", limit=None)
        assert found["hits"][0]["id"] == "StopCampaign"
        with pytest.raises(ToolFailedError, match="search_operations takes no argument 'task_progress'"):
            await client.call("search_operations", intent="x", task_progress="1/3")
        with pytest.raises(ToolFailedError, match="search_operations: intent is missing"):
            await client.call("search_operations")
        with pytest.raises(ToolFailedError) as caught:
            await client.call("search_operations", intent="x", limit=[])
        assert "limit" in str(caught.value)
        assert "pydantic" not in str(caught.value)
