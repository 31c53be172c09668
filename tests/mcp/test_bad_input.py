"""What nobody should send, over stdio: each call gets an answer in our words, and the next one works."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.mcp import Connected, ToolFailedError, stdio, variables
from tests.support.sandbox import start_sandbox
from tests.support.waiting import PATIENCE


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


async def refused(client: Connected, tool: str, **arguments: Any) -> str:
    with pytest.raises(ToolFailedError) as caught:
        await client.call(tool, **arguments)
    text = str(caught.value)
    assert "Traceback" not in text
    assert "Error calling tool" not in text
    return text


async def test_each_bad_call_is_answered_and_the_next_one_works(tmp_path: Path) -> None:
    async with start_sandbox() as sandbox, stdio(environment=variables(sandbox, tmp_path)) as client:
        for depth in (70, 150):
            told = await refused(client, "execute_operation", operation_id="GetApp", arguments=nested(depth))
            assert "deep" in told
            step = {"operation_id": "GetApp", "arguments": nested(depth)}
            assert "deep" in await refused(client, "execute_operation", steps=[step])
        text = "[" * 5_000 + "]" * 5_000
        assert "deep" in await refused(client, "execute_operation", operation_id="GetApp", arguments=text)
        assert "not JSON" in await refused(client, "execute_operation", steps=text[:5_000])
        assert "`steps` stands alone" in await refused(client, "execute_operation", operation_id="GetApp", steps=[step])
        long = await client.call("search_operations", intent="delete the channel and " * 1_000)
        assert long["hits"][0]["id"] == "DeleteChannel"
        odd = await client.call("search_operations", intent="halt\x00 the\x1b[31m welcome\u202e campaign\r\n")
        assert odd["hits"][0]["id"] == "StopCampaign"
        assert (await client.execute("GetApp"))["app"]


async def test_the_policy_and_the_audit_are_resources(tmp_path: Path) -> None:
    async with start_sandbox() as sandbox, stdio(environment=variables(sandbox, tmp_path)) as client:
        await client.execute("GetApp")
        listed = {str(one.uri) for one in (await client.client.list_resources()).resources}
        assert listed == {"stream://policy", "stream://audit"}
        (content,) = (await client.client.read_resource("stream://audit")).contents
        (entry,) = json.loads(getattr(content, "text", ""))
        assert (entry["operation"], entry["who"], entry["outcome"]) == ("GetApp", "mcp:local", "done")


@pytest.mark.parametrize("depth", [200, 5_000])
async def test_a_line_that_the_protocols_parser_drops_is_answered(tmp_path: Path, depth: int) -> None:
    start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    arguments = '{"operation_id":"GetApp","arguments":' + '{"a":' * depth + "1" + "}" * depth + "}"
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"execute_operation","arguments":'
        + arguments
        + "}}",
    ]
    async with start_sandbox() as sandbox:
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "framework", "mcp",
            env={**os.environ, **variables(sandbox, tmp_path)}, limit=2**22,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("".join(f"{line}\n" for line in lines).encode())
        async with asyncio.timeout(PATIENCE):
            told: dict[str, Any] = {}
            while told.get("id") != 2:
                told = json.loads(await server.stdout.readline())
        server.stdin.close()
        await server.wait()
    assert told["result"]["isError"] is True
    assert "deep" in told["result"]["content"][0]["text"]
