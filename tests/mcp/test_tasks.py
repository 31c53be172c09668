"""Whole tasks, as an MCP client does them: find the operation, execute it, look whether it worked."""

import json
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from tests.support.mcp import Connected, stdio, variables
from tests.support.sandbox import RunningSandbox, start_sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


async def users(client: Connected, *names: str) -> None:
    await client.execute("UpdateUsers", {"users": {name: {"id": name, "name": name.title()} for name in names}})


async def test_a_message_on_behalf_of_a_person(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Create a channel between alice and bob, issue a JWT for alice, send "Hi from the agent" acting as alice."""
    async with stdio("--policy", "full", environment=variables(sandbox, tmp_path)) as client:
        await users(client, "alice", "bob")
        assert await client.best("create a messaging channel between alice and bob") in {
            "GetOrCreateChannel",
            "GetOrCreateDistinctChannel",
        }
        members = [{"user_id": "alice"}, {"user_id": "bob"}]
        made = await client.execute(
            "GetOrCreateDistinctChannel", {"type": "messaging", "data": {"created_by_id": "alice", "members": members}}
        )
        channel = {"type": "messaging", "id": made["channel"]["id"]}
        assert "issue_user_token" in (await client.call("search_operations", intent="issue a JWT for alice"))["hint"]
        issued = await client.call("issue_user_token", user_id="alice")
        assert "token" not in issued
        assert await client.best("send a message to a channel") == "SendMessage"
        await client.execute(
            "SendMessage", {**channel, "message": {"text": "Hi from the agent"}}, as_user=issued["as_user"]
        )
        seen = await client.execute(
            "QueryChannels",
            {"filter_conditions": {"cid": made["channel"]["cid"]}, "message_limit": 1, "state": True},
            as_user="bob",
        )
    (message,) = seen["channels"][0]["messages"]
    assert (message["text"], message["user"]["id"]) == ("Hi from the agent", "alice")


async def approving(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """A person at the client who approves what the policy asks about."""
    form: Any = getattr(params, "requested_schema", {})
    return ElicitResult(action="accept", content=dict.fromkeys(form["properties"], True))


async def test_a_term_on_the_global_blocklist(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Add the term "spam-domain.example" to the global blocklist and confirm that the rule is active."""
    async with stdio(environment=variables(sandbox, tmp_path), elicitation_callback=approving) as client:
        hits = await client.call("search_operations", intent="add a term to the global blocklist")
        assert {"CreateBlockList", "UpdateBlockList"} & {hit["id"] for hit in hits["hits"]}
        await client.execute("CreateBlockList", {"name": "global", "words": ["bad-word.example"]})
        before = await client.execute("GetBlockList", {"name": "global"})
        words = [*before["blocklist"]["words"], "spam-domain.example"]
        await client.execute("UpdateBlockList", {"name": "global", "words": words})
        after = await client.execute("GetBlockList", {"name": "global"})
        assert after["blocklist"]["words"] == ["bad-word.example", "spam-domain.example"]
        rule = {"name": "messaging", "blocklists": [{"blocklist": "global", "behavior": "block"}]}
        kind = await client.execute("GetChannelType", {"name": "messaging"})
        await client.execute(
            "UpdateChannelType",
            {
                **rule,
                "automod": kind["automod"],
                "automod_behavior": kind["automod_behavior"],
                "max_message_length": 5000,
            },
        )
        await users(client, "alice")
        room = {"type": "messaging", "id": "room"}
        await client.execute("GetOrCreateChannel", {**room, "data": {"created_by_id": "alice"}})
        said = {**room, "message": {"text": "visit spam-domain.example now"}}
        sent = await client.call("execute_operation", operation_id="SendMessage", arguments=said, as_user="alice")
    assert sent["result"]["message"]["type"] == "error", "the rule is active: the message is held back"
    assert sent["status"] == "not shown", "which nobody may take for a success"


async def test_a_campaign_is_started_and_runs(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Start campaign "camp_welcome_2026" and verify that it is running."""
    async with stdio(environment=variables(sandbox, tmp_path), elicitation_callback=approving) as client:
        await users(client, "alice", "agent-bot")
        await client.execute(
            "CreateCampaign",
            {
                "id": "camp_welcome_2026",
                "sender_id": "agent-bot",
                "user_ids": ["alice"],
                "message_template": {"text": "Welcome!"},
                "create_channels": True,
                "channel_template": {"type": "messaging", "custom": {}},
            },
        )
        assert await client.best("start the campaign camp_welcome_2026") == "StartCampaign"
        await client.execute("StartCampaign", {"id": "camp_welcome_2026"})
        assert await client.best("is the campaign running?") in {"GetCampaign", "QueryCampaigns"}
        campaign = (await client.execute("GetCampaign", {"id": "camp_welcome_2026"}))["campaign"]
    assert campaign["status"] in {"in_progress", "completed"}


async def test_a_reply_to_the_last_messages_as_the_bot(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Read the last 20 messages in channel "support-123", generate a reply, post it as "agent-bot"."""
    room = {"type": "messaging", "id": "support-123"}
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        await users(client, "maria", "agent-bot")
        await client.execute("GetOrCreateChannel", {**room, "data": {"created_by_id": "maria"}})
        for number in range(25):
            await client.execute("SendMessage", {**room, "message": {"text": f"m {number}", "user_id": "maria"}})
        query = {"filter_conditions": {"cid": "messaging:support-123"}, "message_limit": 20, "state": True}
        read = (await client.execute("QueryChannels", query))["channels"][0]["messages"]
        assert [message["text"] for message in read] == [f"m {number}" for number in range(5, 25)]
        reply = f"You said {len(read)} things."
        posted = await client.execute("SendMessage", {**room, "message": {"text": reply, "user_id": "agent-bot"}})
        newest = (await client.execute("QueryChannels", query))["channels"][0]["messages"][-1]
    assert posted["message"]["user"]["id"] == "agent-bot"
    assert newest["text"] == reply


async def test_the_channels_of_a_member(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """List all channels that alice is a member of."""
    async with stdio("--policy", "read-only", environment=variables(sandbox, tmp_path)) as reader:
        async with stdio(environment=variables(sandbox, tmp_path)) as writer:
            await users(writer, "alice", "bob")
            for name, member in (("one", "alice"), ("two", "bob"), ("three", "alice")):
                data = {"created_by_id": "bob", "members": [{"user_id": member}]}
                await writer.execute("GetOrCreateChannel", {"type": "messaging", "id": name, "data": data})
        assert await reader.best("list all channels that alice is a member of") == "QueryChannels"
        found = await reader.execute("QueryChannels", {"filter_conditions": {"members": {"$in": ["alice"]}}})
    assert {entry["channel"]["cid"] for entry in found["channels"]} == {"messaging:one", "messaging:three"}


async def test_without_an_account_it_works_on_a_sandbox_of_its_own(tmp_path: Path) -> None:
    nothing = {"STREAM_API_KEY": "", "STREAM_API_SECRET": "", "STREAM_BASE_URL": "", "FRAMEWORK_DATA": str(tmp_path)}
    async with stdio(environment=nothing) as client:
        assert (await client.execute("GetApp"))["app"]["name"] == "sandbox"


async def test_an_operation_at_the_command_line(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async def ops(*arguments: str) -> tuple[int | None, str, str]:
        child = await create_subprocess_exec(
            *(sys.executable, "-m", "framework", "ops", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, **variables(sandbox, tmp_path)},
        )
        out, err = await child.communicate(b'{"limit": 3}')
        return child.returncode, out.decode(), err.decode()

    code, out, _ = await ops("call", "CreateRole", "--arg", "name=helper", "--yes")
    assert (code, '"helper"' in out) == (0, True)
    code, out, _ = await ops("call", "ListRoles", "--json")
    assert (out.count("\n"), "helper" in {role["name"] for role in json.loads(out)["result"]["roles"]}) == (1, True)
    code, _, err = await ops("call", "StartCampaign", "--yes", "--arg", "id=camp_welcome_2026")
    assert (code, "error: " in err, "Traceback" in err) == (1, True, False)
    code, _, err = await ops("call", "QueryChannels", "--arguments", "-", "--arg", "limit=many")
    assert (code, "limit: expected an integer" in err) == (1, True)
    code, out, _ = await ops("call", "QueryChannels", "--arguments", "-", "--arg", "filter_conditions.type=messaging")
    assert code == 0
    code, out, _ = await ops("audit", "--json")
    assert [line.split('"operation": ')[1].split(",")[0] for line in out.splitlines()] == [
        '"CreateRole"',
        '"ListRoles"',
        '"StartCampaign"',
        '"QueryChannels"',
        '"QueryChannels"',
    ]
