"""Campaigns of bots over MCP: begun from their file, seen running, stopped and gone on with, as the policy allows."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from tests.mcp.test_mission import approving
from tests.support.mcp import Connected, ToolFailedError, http, stdio, variables
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.stages import official_sdk

WELCOME = "camp_welcome_2026"
TOOLS = {"list_campaigns", "plan_campaign", "watch_campaign", "start_campaign", "stop_campaign"}
PEOPLE = 40


async def customers(running: RunningSandbox) -> None:
    async with official_sdk(running) as sdk:
        await sdk.upsert_users([{"id": f"c{n}", "name": f"Customer {n}", "customer": True} for n in range(PEOPLE)])


def got(running: RunningSandbox) -> Counter[str]:
    """How many messages of campaigns each person got."""
    from framework.sandbox.features.campaigns.record import CAMPAIGNS

    return Counter(user for one in running.sandbox.store[CAMPAIGNS] for user, _, _ in one.sent)


async def statuses(client: Connected, status: str) -> list[str]:
    found = await client.call("list_campaigns", status=status)
    return [one["campaign"] for one in found["campaigns"]]


@pytest.mark.parametrize("connect", [stdio, http])
async def test_a_campaign_of_a_file_is_started_seen_running_stopped_and_completed(connect: Any, tmp_path: Path) -> None:
    async with start_sandbox(campaign_rate=4) as running:
        await customers(running)
        environment = variables(running, tmp_path)
        async with connect(environment=environment, elicitation_callback=approving) as client:
            assert set(await client.tools()) >= TOOLS
            assert WELCOME in await statuses(client, "draft")
            assert (await client.call("plan_campaign", name=WELCOME))["people"] == PEOPLE
            started = await client.call("start_campaign", name=WELCOME)
            assert started["status"] == "running"
            assert await statuses(client, "running") == [WELCOME]
            shown = await client.execute("QueryCampaigns", {"filter": {"status": "in_progress"}})
            assert [one["id"] for one in shown["campaigns"]] == [WELCOME]
            assert (await client.call("stop_campaign", name=WELCOME))["status"] == "stopped"
            assert await statuses(client, "stopped") == [WELCOME]
            assert len(got(running)) < PEOPLE
            assert (await client.call("start_campaign", name=WELCOME))["status"] == "running"
            while (await client.call("watch_campaign", name=WELCOME))["status"] != "completed":
                await asyncio.sleep(0.2)
            assert got(running) == {f"c{n}": 1 for n in range(PEOPLE)}
            with pytest.raises(ToolFailedError, match="sent already"):
                await client.call("start_campaign", name=WELCOME)


async def test_a_campaign_is_started_only_by_whom_it_is_given_to(tmp_path: Path) -> None:
    asked: list[str] = []

    async def refusing(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": False})

    async with start_sandbox() as running:
        await customers(running)
        environment = variables(running, tmp_path)
        async with stdio("--policy", "read-only", environment=environment) as reader:
            assert TOOLS - set(await reader.tools()) == {"start_campaign", "stop_campaign"}
            assert (await reader.call("plan_campaign", name=WELCOME))["people"] == PEOPLE
            for tool in ("start_campaign", "stop_campaign"):
                for name in (WELCOME, "no_such_campaign"):
                    with pytest.raises(ToolFailedError, match="Not allowed"):
                        await reader.call(tool, name=name)
        async with stdio(environment=environment) as nobody_there:
            with pytest.raises(ToolFailedError, match="waits for a person's approval"):
                await nobody_there.call("start_campaign", name=WELCOME)
        async with stdio(environment=environment, elicitation_callback=refusing) as client:
            with pytest.raises(ToolFailedError, match="the person said no"):
                await client.call("start_campaign", name=WELCOME)
            assert "Welcome to Meadow Lane Market" in asked[0], "whoever approves sees what goes out"
            assert not got(running)
        async with stdio("--policy", "full", environment=environment) as owner:
            assert (await owner.call("start_campaign", name=WELCOME))["people"] == PEOPLE
            log = (await owner.client.read_resource("stream://audit")).contents[0]
            assert '"operation": "StartCampaign"' in getattr(log, "text", "")


async def test_a_campaign_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path) -> None:
    async with start_sandbox() as running, stdio(environment=variables(running, tmp_path)) as client:
        for name in ("camp_welcome_2025", "../../bot", "", f"{WELCOME}.yaml"):
            for tool in ("plan_campaign", "start_campaign"):
                with pytest.raises(ToolFailedError, match=WELCOME):
                    await client.call(tool, name=name)
