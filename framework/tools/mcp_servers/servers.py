"""The tools of all MCP servers that a bot names.

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
    """The tools of a bot's MCP servers.

    A server is connected when its tools are first needed. While it is down, its tools are missing. It is tried again
    later. Connections serve many turns at once.
    """

    def __init__(
        self, servers: tuple[Target, ...], folder: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Servers that are started here write their logs into `folder`."""
        pins = ToolPins(folder)
        self._servers = tuple(McpConnection(target, folder, clock, pins) for target in servers)

    async def tools(self, names: tuple[str, ...]) -> tuple[BaseTool, ...]:
        """Return the tools with these names, or for patterns such as `server/*`, of servers that are up."""
        wanted = [server for server in self._servers if any(name.startswith(f"{server.name}/") for name in names)]
        found = await together(*(server.tools() for server in wanted))
        return tuple(
            tool
            for tools in found
            for tool in tools
            if any(fnmatchcase(str((tool.metadata or {})[DECLARED]), name) for name in names)
        )

    def trouble(self, name: str) -> str:
        """Say why a server could not be reached at the last try, such as `no answer at URL`; else ""."""
        return next((server.trouble for server in self._servers if server.name == name), "")

    def changed(self, name: str) -> tuple[str, ...]:
        """Return the tools of a server that changed since it was first seen. Models do not get them."""
        return next((server.changed for server in self._servers if server.name == name), ())

    def digest(self, name: str) -> str:
        """Return the digest of all tools that a server listed last; "" before that."""
        return next((server.digest for server in self._servers if server.name == name), "")

    async def aclose(self) -> None:
        """Close all connections, and end the servers that were started here."""
        await asyncio.gather(*(server.aclose() for server in self._servers))
