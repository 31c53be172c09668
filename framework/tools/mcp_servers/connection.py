"""The connection to one MCP server, through the official client: made at first use, and made again if it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from framework.called import called_as
from framework.errors import FrameworkError, ToolError, UncertainToolError
from framework.tools.mcp_servers.mcp_tool import McpTool
from framework.tools.mcp_servers.repair import ORIGINAL, repaired
from framework.tools.mcp_servers.results import LONGEST, result_text
from framework.tools.mcp_servers.schemas import (
    ImpossibleSchemaError,
    ToolSchema,
    read_schema,
    short_description,
    tool_names,
)
from framework.tools.mcp_servers.targets import Target
from framework.tools.mcp_servers.tool_pins import ToolPins
from framework.tools.rules import DECLARED

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.tools import BaseTool
    from mcp import Client
    from mcp.types import Tool


_log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10.0
START_SECONDS = 120.0
"""How long a server may take to start, while the bot works without it."""
RETRY_SECONDS = 30.0
"""Seconds before a server that was down is tried again."""

_REFUSALS = frozenset({-32700, -32600, -32601, -32602})
"""JSON-RPC's codes for a call that the server did not begin to carry out."""

SECRET = 8
"""A header or variable of so many characters is kept out of results. Shorter ones may be words."""


class McpConnection:
    """One server. The connection belongs to a task of its own, which alone may open and close it.

    `trouble` says why the server could not be reached when it was last tried, or is empty. `changed` are its tools that
    are not handed on, because they are not as they were first seen. `digest` stands for all tools as they are now.
    """

    def __init__(self, target: Target, folder: Path, clock: Callable[[], float], pins: ToolPins) -> None:
        self.name = target.name
        self._target = target
        self._folder = folder
        self._clock = clock
        self._pins = pins
        self._lock = asyncio.Lock()
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()
        self._starting: asyncio.Future[Client] | None = None
        self._began = 0.0
        self._tools: tuple[BaseTool, ...] = ()
        self._down_until = 0.0
        self.trouble = ""
        self.changed: tuple[str, ...] = ()
        self.digest = ""

    async def tools(self) -> tuple[BaseTool, ...]:
        """Return the server's tools; none while it is down. Connect first if there is no connection."""
        async with self._lock:
            if self._client is None and self._clock() >= self._down_until:
                await self._connect()
            return self._tools if self._client is not None else ()

    async def aclose(self) -> None:
        """End the connection."""
        async with self._lock:
            await self._let_go()

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Call a tool. Raises ToolError if the server reports an error or cannot be reached."""
        await self.tools()
        client = self._client
        if client is None:
            raise ToolError(f"The server {self.name} cannot be reached right now.")
        from mcp import MCPError

        try:
            result = await client.call_tool(tool, arguments)
        except (MCPError, OSError, RuntimeError, ValueError) as error:
            if isinstance(error, MCPError) and error.code in _REFUSALS:
                raise ToolError(self._without_secrets(error.message)[:LONGEST] or "The server refused it.") from None
            _log.warning("mcp.call_failed", server=self.name, tool=tool, kind=type(error).__name__)
            async with self._lock:
                if self._client is client:
                    await self._let_go()
            raise UncertainToolError(
                f"The server {self.name} did not answer properly. Whether anything was done is not known."
            ) from None
        text = self._without_secrets(result_text(result))
        if getattr(result, "is_error", False):
            raise ToolError(text or "It failed and did not say why.")
        return text

    def _without_secrets(self, text: str) -> str:
        """Return a text without the secrets that the server was sent: it may repeat them."""
        for value in {*self._target.headers.values(), *self._target.environment.values()}:
            for secret in (value, value.rpartition(" ")[2]):
                if len(secret) >= SECRET:
                    text = text.replace(secret, "***")
        return text

    async def _connect(self) -> None:
        try:
            client = await self._ready()
            if client is None:
                return
            async with asyncio.timeout(CONNECT_SECONDS):
                listed = [made async for made in _all_tools(client)]
            compared = self._pins.compare(self._target, listed)
        except Exception as error:  # noqa: BLE001 - the bot works without a server, however that fails
            self._down_until = self._clock() + RETRY_SECONDS
            self.trouble = _trouble(error, self._target)
            # Only the kind: what a library says may repeat a header.
            _log.warning(
                "mcp.down",
                server=self.name,
                kind=type(error).__name__,
                again=RETRY_SECONDS,
            )
            await self._let_go()
            return
        self._client = client
        self.trouble = ""
        self.changed, self.digest = compared.changed, compared.digest
        if self.changed:
            _log.warning(
                "mcp.tools_changed",
                server=self.name,
                tools=list(self.changed),
                hint=f"Read what they say now, then accept it: {called_as()} check --online --accept-tools",
            )
        self._tools = self._made(compared.tools)
        _log.info("mcp.connected", server=self.name, tools=len(self._tools))

    async def _ready(self) -> Client | None:
        """Return the connection, or None if the server is still starting.

        A server may take long, for example because it is downloaded first. Until then the bot works without it.
        """
        first, patience = self._starting is None, 0.0
        if self._starting is None:
            await self._let_go()
            self._starting = asyncio.get_running_loop().create_future()
            self._end, self._began, patience = asyncio.Event(), self._clock(), CONNECT_SECONDS
            self._task = asyncio.create_task(self._hold(self._starting, self._end), name=f"mcp {self.name}")
        await asyncio.wait({self._starting}, timeout=patience)
        if self._starting.done():
            return self._starting.result()
        if self._clock() - self._began > START_SECONDS:
            raise TimeoutError
        if first:
            self.trouble = f"it has not answered within {CONNECT_SECONDS:.0f} s, and is still waited for"
            _log.warning("mcp.still_starting", server=self.name)
        return None

    async def _hold(self, ready: asyncio.Future[Client], end: asyncio.Event) -> None:
        try:
            async with _connection(self._target, self._folder) as client:
                ready.set_result(client)
                await end.wait()
        except Exception as error:  # noqa: BLE001 - raised to those who wait, or logged
            if not ready.done():
                ready.set_exception(error)
                ready.exception()  # Mark it as read: those who waited may have given up.
            else:
                _log.warning("mcp.lost", server=self.name, kind=type(error).__name__)
        finally:
            if not ready.done():
                ready.cancel()

    async def _let_go(self) -> None:
        self._client, self._starting, task, self._task = None, None, self._task, None
        self._end.set()
        if task is None:
            return
        done, _ = await asyncio.wait({task}, timeout=CONNECT_SECONDS)
        if not done:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _made(self, listed: Sequence[Tool]) -> tuple[BaseTool, ...]:
        """Return the tools for a model. A tool whose schema no model takes is left out."""
        names = tool_names(self.name, [made.name for made in listed])
        tools: list[BaseTool] = []
        for made in listed:
            try:
                schema = read_schema(made.input_schema.get(ORIGINAL, made.input_schema))
            except ImpossibleSchemaError as error:
                _log.warning("mcp.tool_left_out", server=self.name, tool=made.name, why=str(error))
                continue
            tools.append(
                McpTool(
                    name=names[made.name],
                    description=short_description(made.description or made.title or made.name),
                    args_schema=schema.schema,
                    metadata={DECLARED: f"{self.name}/{made.name}"},
                    call=partial(self._run, made.name, schema),
                )
            )
        return tuple(tools)

    async def _run(self, tool: str, schema: ToolSchema, arguments: Mapping[str, Any]) -> str:
        return await self.call(tool, schema.arguments(arguments))


def _trouble(error: BaseException, target: Target) -> str:
    """Say why a server cannot be reached, without a library's text, which may repeat a header."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FrameworkError):
        return str(error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if target.command:
        if isinstance(error, OSError) and error.strerror:
            return f"it does not start: {target.command[0]}: {error.strerror.lower()}"
        log_file = f"mcp-{target.name}.log"
        return f"it does not start ({type(error).__name__}); what it printed is in {log_file} of the data folder"
    if status is not None:
        return f"it refuses with status {status} at {_without_query(target.url)}"
    return f"no answer at {_without_query(target.url)} ({type(error).__name__})"


def _without_query(url: str) -> str:
    return url.partition("?")[0]


async def _all_tools(client: Client) -> AsyncIterator[Tool]:
    """Yield the tools of all pages, each once. A server may repeat its first page instead of ending."""
    cursor: str | None = None
    cursors, names = set[str](), set[str]()
    for _ in range(100):
        page = await client.list_tools(cursor=cursor)
        for made in page.tools:
            if made.name not in names:
                names.add(made.name)
                yield made
        cursor = page.next_cursor
        if not cursor or cursor in cursors:
            return
        cursors.add(cursor)


@asynccontextmanager
async def _connection(target: Target, folder: Path) -> AsyncIterator[Client]:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    async with AsyncExitStack() as stack:
        if target.command:
            program, *arguments = target.command
            server = StdioServerParameters(command=program, args=arguments, env=dict(target.environment))
            errors = stack.enter_context((folder / f"mcp-{target.name}.log").open("a", encoding="utf-8"))
            yield await stack.enter_async_context(Client(repaired(stdio_client(server, errors))))
        else:
            http = await stack.enter_async_context(create_mcp_http_client(headers=dict(target.headers)))
            yield await stack.enter_async_context(
                Client(repaired(streamable_http_client(target.url, http_client=http)))
            )
