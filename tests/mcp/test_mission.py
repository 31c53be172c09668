"""The tasks that this project was made for, by search, load and execute alone, with the official client.

Each within 8 calls and 4,000 tokens, over stdio and over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from tests.support.mcp import Connected, http, stdio, variables
from tests.support.operations import desk
from tests.support.sandbox import RunningSandbox, start_sandbox

MOST_CALLS = 8
MOST_TOKENS = 4_000
CHARACTERS_A_TOKEN = 4
RUNNING = {"in_progress", "completed"}
"""A short campaign may be over before anybody looks."""


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


class Counted:
    """A client, and how often and how much it was answered."""

    def __init__(self, client: Connected) -> None:
        self._client = client
        self.calls = 0
        self.tokens = 0
        self.told: list[tuple[str, int]] = []

    async def call(self, tool: str, **arguments: Any) -> Any:
        answer = await self._client.call(tool, **arguments)
        self.calls += 1
        tokens = len(json.dumps(answer, ensure_ascii=False)) // CHARACTERS_A_TOKEN
        self.tokens += tokens
        self.told.append((tool, tokens))
        return answer


async def approving(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """A person at the client who approves what the policy asks about."""
    form: Any = getattr(params, "requested_schema", {})
    return ElicitResult(action="accept", content=dict.fromkeys(form["properties"], True))


@asynccontextmanager
async def connected(kind: str, sandbox: RunningSandbox, data: Path) -> AsyncIterator[Counted]:
    """A client of a server of its own, over stdio or HTTP."""
    connect = stdio if kind == "stdio" else http
    async with connect(environment=variables(sandbox, data), elicitation_callback=approving) as client:
        yield Counted(client)


def check(client: Counted) -> None:
    assert client.calls <= MOST_CALLS
    assert client.tokens <= MOST_TOKENS, client.told


@pytest.mark.parametrize("kind", ["stdio", "http"])
async def test_block_a_domain_and_confirm_that_the_rule_is_active(
    kind: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """Add the term 'spam-domain.example' to the global blocklist and confirm the moderation rule is active for all
    channels.
    """
    (tmp_path / "own").mkdir()
    async with desk(sandbox.url, tmp_path / "own") as own:
        await own.execute("CreateBlockList", {"name": "global", "words": ["bad-word.example"]})
        types = list((await own.execute("ListChannelTypes"))["channel_types"])
    async with connected(kind, sandbox, tmp_path) as client:
        wanted = (
            "Add the term 'spam-domain.example' to the global blocklist and confirm the moderation rule is active for "
            "all channels"
        )
        found = await client.call("search_operations", intent=wanted)
        assert [step["operation_id"] for step in found["plan"]] == ["UpdateBlockList", "ListChannelTypes"]
        page = await client.call("load_operation", operation_id="UpdateBlockList")
        assert "UpdateChannelType" in page["use_when"], "the list does nothing until a type names it"
        await client.call("load_operation", operation_id="UpdateChannelType")
        lists = await client.call("execute_operation", operation_id="ListBlockLists")
        (held,) = [one for one in lists["result"]["blocklists"] if one["name"] == "global"]
        add = {"name": "global", "words": [*held["words"], "spam-domain.example"]}
        rule = {"automod": "disabled", "automod_behavior": "flag", "max_message_length": 5_000}
        uses = rule | {"blocklists": [{"blocklist": "global", "behavior": "block"}]}
        steps = [{"operation_id": "UpdateBlockList", "arguments": add}]
        steps += [{"operation_id": "UpdateChannelType", "arguments": {"name": name, **uses}} for name in types]
        done = await client.call("execute_operation", steps=steps)
        assert done["status"] == "ok"
        named = [step["result"]["blocklists"] for step in done["steps"][1:]]
        assert len(named) == len(types)
        assert all(one[0]["blocklist"] == "global" for one in named), "the rule is active for all types"
    check(client)
    async with desk(sandbox.url, tmp_path / "own") as own:
        await own.execute("UpdateUsers", {"users": {"alice": {"id": "alice"}}})
        for name in types:
            room = {"type": name, "id": "room"}
            await own.execute("GetOrCreateChannel", {**room, "data": {"created_by_id": "alice", "members": ["alice"]}})
            said = {**room, "message": {"text": "see spam-domain.example"}}
            assert (await own.execute("SendMessage", said, as_user="alice"))["message"]["type"] == "error", name


@pytest.mark.parametrize("kind", ["stdio", "http"])
async def test_start_a_campaign_and_see_it_running(kind: str, sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Start campaign 'camp_welcome_2026' and verify that it is running."""
    (tmp_path / "own").mkdir()
    async with desk(sandbox.url, tmp_path / "own") as own:
        await own.execute("UpdateUsers", {"users": {name: {"id": name} for name in ("alice", "agent-bot")}})
        campaign = {
            "id": "camp_welcome_2026",
            "sender_id": "agent-bot",
            "user_ids": ["alice"],
            "message_template": {"text": "Welcome!"},
            "create_channels": True,
            "channel_template": {"type": "messaging", "custom": {}},
        }
        await own.execute("CreateCampaign", campaign)
    async with connected(kind, sandbox, tmp_path) as client:
        wanted = "Start campaign 'camp_welcome_2026' and verify that it is running"
        found = await client.call("search_operations", intent=wanted)
        plan = found["plan"]
        assert [step["operation_id"] for step in plan] == ["StartCampaign", "GetCampaign"]
        assert plan[1]["arguments"] == {"id": "$1.campaign.id"}
        await client.call("load_operation", operation_id="StartCampaign")
        plan[0]["arguments"] = {"id": "camp_welcome_2026"}
        done = await client.call("execute_operation", steps=plan)
        assert done["steps"][1]["result"]["campaign"]["status"] in RUNNING
    check(client)


@pytest.mark.parametrize("kind", ["stdio", "http"])
async def test_a_channel_and_a_message_on_behalf_of_a_person(
    kind: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with connected(kind, sandbox, tmp_path) as client:
        wanted = "create a channel between alice and bob, then send a message to it"
        found = await client.call("search_operations", intent=wanted)
        assert found["plan"][1]["operation_id"] == "SendMessage"
        users = {name: {"id": name} for name in ("alice", "bob")}
        channel = {"type": "messaging", "data": {"created_by_id": "alice", "members": ["alice", "bob"]}}
        message = {"cid": "$2.channel.cid", "message": {"text": "Hi from the agent"}}
        steps = [
            {"operation_id": "UpdateUsers", "arguments": {"users": users}},
            {"operation_id": "GetOrCreateDistinctChannel", "arguments": channel},
            {"operation_id": "SendMessage", "arguments": message, "as_user": "alice"},
        ]
        done = await client.call("execute_operation", steps=steps)
        assert done["steps"][2]["result"]["message"]["user"]["id"] == "alice"
    check(client)
