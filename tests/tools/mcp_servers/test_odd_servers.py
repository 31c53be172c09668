"""A server whose tools are odd: each one works, or is left out alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool
from structlog.testing import capture_logs

from framework.definition.parts.tools import ToolRule
from framework.errors import ToolError
from framework.tools.mcp_servers.servers import McpTools
from framework.tools.mcp_servers.targets import Target
from framework.tools.rules import ToolRules
from tests.support.waiting import PATIENCE
from tests.tools.mcp_servers.test_servers import served, shop

SERVER = str(Path(__file__).resolve().parents[2] / "support" / "odd_mcp_server.py")


@pytest.fixture(params=["", "noise"])
async def tools(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, BaseTool]]:
    monkeypatch.setattr("framework.tools.mcp_servers.connection.CONNECT_SECONDS", PATIENCE)
    connected = McpTools((Target("odd", command=(sys.executable, SERVER, request.param)),), tmp_path)
    with capture_logs() as logs:
        yield {tool.name: tool for tool in await connected.tools(("odd/*",))}
    left_out = [entry.get("tool") for entry in logs if entry["event"] == "mcp.tool_left_out"]
    assert left_out == [None, None, "impossible"]
    await connected.aclose()


async def said(tool: BaseTool, **arguments: object) -> str:
    """What a model's call is answered by."""
    message = await tool.ainvoke({"type": "tool_call", "id": "c1", "name": tool.name, "args": arguments})
    assert (message.tool_call_id, message.name) == ("c1", tool.name)
    return str(message.content)


async def test_every_tool_but_the_impossible_one_can_be_called(tools: dict[str, BaseTool]) -> None:
    assert len(tools) == 18
    assert await said(tools["odd__untyped"], q="x") == 'got {"q": "x"}'
    assert await said(tools["odd__docs_search"], q="x") == 'got {"q": "x"}'
    other = next(name for name in tools if name.startswith("odd__docs_search_"))
    assert await said(tools[other], q="y") == 'got {"q": "y"}'
    names = ("callbacks", "config", "run_manager", "runtime", "self", "state", "store", "tool_call_id")
    reserved = ", ".join(f'"{name}": "v"' for name in names)
    assert await said(tools["odd__reserved"], **dict.fromkeys(names, "v")) == f"got {{{reserved}}}"
    assert await said(tools["odd__spelled"], filter_name="z") == 'got {"filter[name]": "z"}'
    assert await said(tools["odd__bare"], x=None) == 'got {"x": null}'
    assert await said(tools["odd__docs_search"], q=None) == "got {}"


async def test_a_tool_with_a_name_that_no_rule_could_say_is_under_the_rule_of_its_server(
    tools: dict[str, BaseTool],
) -> None:
    odd = next(tool for name, tool in tools.items() if name.startswith("odd__name_with_space"))
    assert await said(odd) == "got {}"
    assert ToolRules([ToolRule(name="odd/*", approval="always")]).of(odd).approval == "always"
    assert ToolRules([]).of(odd).name == "odd/name with space, ünusual"


async def test_a_server_that_says_little_of_itself_serves_all_the_same(tmp_path: Path) -> None:
    connected = McpTools((Target("odd", command=(sys.executable, SERVER, "vague")),), tmp_path)
    with capture_logs() as logs:
        (tool,) = await connected.tools(("odd/*",))
        assert await said(tool, q="x") == 'got {"q": "x"}'
    await connected.aclose()
    assert "mcp.other_version" in [entry["event"] for entry in logs]


async def test_a_server_that_takes_long_to_start_is_waited_for_while_the_bot_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = McpTools((Target("odd", command=(sys.executable, SERVER)),), tmp_path)
    monkeypatch.setattr("framework.tools.mcp_servers.connection.CONNECT_SECONDS", 0.0)
    assert await connected.tools(("odd/*",)) == ()
    assert "still waited for" in connected.trouble("odd")
    monkeypatch.setattr("framework.tools.mcp_servers.connection.CONNECT_SECONDS", PATIENCE)
    async with asyncio.timeout(PATIENCE):
        while not (tools := await connected.tools(("odd/*",))):
            await asyncio.sleep(0.01)
    assert len(tools) == 18
    await connected.aclose()


async def test_every_kind_of_result_says_something(tools: dict[str, BaseTool]) -> None:
    assert await said(tools["odd__structured"]) == '{"stock": 17, "unit": "pcs"}'
    assert await said(tools["odd__both"]) == '{"stock": 17}'
    assert "picture: image/png, 9 bytes" in await said(tools["odd__picture"])
    assert await said(tools["odd__link"]) == "Report 9: https://x.example/r/9"
    assert await said(tools["odd__nothing"]) == ""
    assert await said(tools["odd__old"]) == '"as it was"'
    assert await said(tools["odd__strange"]) == '{"type": "chart", "points": [1, 2]}\nwords\n{"type": "image"}\n[3]'
    with pytest.raises(ToolError, match="quota used up"):
        await said(tools["odd__fail"])
    with pytest.raises(ToolError, match="no such order"):
        await said(tools["odd__refuse"])
    assert await said(tools["odd__link"])  # a refusal ends no connection


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_an_address_is_the_same_with_a_slash_at_its_end(path: str, tmp_path: Path) -> None:
    async with served(shop()) as port:
        connected = McpTools((Target("shop", url=f"http://127.0.0.1:{port}{path}"),), tmp_path)
        try:
            assert len(await connected.tools(("shop/*",))) == 3
        finally:
            await connected.aclose()
