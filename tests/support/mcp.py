"""The official MCP client on a server process of its own, as Claude Desktop, Cursor or Windsurf start one."""

from __future__ import annotations

import json
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import httpx2
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.support.sandbox import RunningSandbox

ROOT = Path(__file__).resolve().parents[2]


class ToolFailedError(Exception):
    """A tool answered with an error."""


class Connected:
    """A connected client; keeps everything that it was ever told."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.told: list[str] = []

    async def tools(self) -> list[str]:
        listed = await self.client.list_tools()
        self.told.append(listed.model_dump_json())
        return [tool.name for tool in listed.tools]

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool; its answer as JSON where it is JSON. Raises ToolFailedError."""
        result = await self.client.call_tool(tool, arguments)
        self.told.append(result.model_dump_json())
        text = "".join(getattr(part, "text", "") for part in result.content)
        if result.is_error:
            raise ToolFailedError(text)
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    async def execute(self, operation_id: str, arguments: dict[str, Any] | None = None, **more: Any) -> Any:
        """Execute an operation and return its result."""
        answer = await self.call("execute_operation", operation_id=operation_id, arguments=arguments or {}, **more)
        return answer["result"]

    async def best(self, intent: str) -> str:
        """The best hit for an intent."""
        return str((await self.call("search_operations", intent=intent))["hits"][0]["id"])


def variables(sandbox: RunningSandbox, data: Path) -> dict[str, str]:
    """The environment of a server that works on a sandbox."""
    return {
        "STREAM_API_KEY": sandbox.api_key,
        "STREAM_API_SECRET": sandbox.api_secret,
        "STREAM_BASE_URL": sandbox.url,
        "FRAMEWORK_DATA": str(data),
        "FRAMEWORK_LOG_FORMAT": "json",
        "FRAMEWORK_LOG_LEVEL": "debug",
    }


@asynccontextmanager
async def stdio(
    *options: str, environment: Mapping[str, str], log: Path | None = None, **client_options: Any
) -> AsyncIterator[Connected]:
    """A server started by the client; what it writes to stderr goes to `log`."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "framework", "mcp", *options], env=dict(environment), cwd=ROOT
    )
    with _writing(log) as errors:
        async with Client(stdio_client(server, errors), **client_options) as client:
            yield Connected(client)


@asynccontextmanager
async def http(
    *options: str, environment: Mapping[str, str], token: str = "a-bearer-token-of-the-tests", **client_options: Any
) -> AsyncIterator[Connected]:
    """A server over HTTP, and a client that is connected to it."""
    child = await create_subprocess_exec(
        *(sys.executable, "-m", "framework", "mcp", "--http", "--port", "0", *options),
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=ROOT,
        env={**os.environ, **environment, "FRAMEWORK_MCP_TOKEN": token},
    )
    try:
        assert child.stdout is not None
        url = (await child.stdout.readline()).decode().split()[-1]
        async with (
            # The library's own limit of five seconds is short for a machine that is busy with other tests.
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=120) as carrier,
            Client(streamable_http_client(url, http_client=carrier), **client_options) as client,
        ):
            yield Connected(client)
    finally:
        child.terminate()
        await child.wait()


def _writing(log: Path | None) -> TextIO:
    return Path(log or os.devnull).open("w", encoding="utf-8")
