"""Tools of MCP servers that a bot names, through the official MCP client.

LangChain's own adapters speak the SDK's first generation only, which cannot be installed beside the second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from framework.aio import together
from framework.tools.mcp_servers.connection import McpConnection
from framework.tools.mcp_servers.targets import Target
from framework.tools.mcp_servers.tool_pins import ToolPins
from framework.tools.rules import DECLARED

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.tools import BaseTool


class McpTools:
    """The tools of all servers that a bot names. A server is connected when its tools are first wanted; one that is
    down is done without, and tried again later. Connections serve many turns at once.
    """

    def __init__(
        self, servers: tuple[Target, ...], folder: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`folder` is where the servers that are started here write their logs."""
        pins = ToolPins(folder)
        self._servers = tuple(McpConnection(target, folder, clock, pins) for target in servers)

    async def tools(self, names: tuple[str, ...]) -> tuple[BaseTool, ...]:
        """The tools that these names, or patterns such as `server/*`, stand for; of servers that are up."""
        wanted = [server for server in self._servers if any(name.startswith(f"{server.name}/") for name in names)]
        found = await together(*(server.tools() for server in wanted))
        return tuple(
            tool
            for tools in found
            for tool in tools
            if any(fnmatchcase(str((tool.metadata or {})[DECLARED]), name) for name in names)
        )

    def trouble(self, name: str) -> str:
        """Why a server could not be reached when it was last tried, for people: `no answer at URL`; else ""."""
        return next((server.trouble for server in self._servers if server.name == name), "")

    def changed(self, name: str) -> tuple[str, ...]:
        """The tools of a server that changed since it was first seen, and are not handed on."""
        return next((server.changed for server in self._servers if server.name == name), ())

    def digest(self, name: str) -> str:
        """What stands for all tools of a server as it told of them last; "" before that."""
        return next((server.digest for server in self._servers if server.name == name), "")

    async def aclose(self) -> None:
        """Close all connections, and end the servers that were started here."""
        await asyncio.gather(*(server.aclose() for server in self._servers))
