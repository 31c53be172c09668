"""One tool of an MCP server, as LangChain calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import Field

from framework.values import Untyped


class McpTool(BaseTool):
    """A tool of a server. It passes all its arguments on.

    LangChain's own tools get arguments by name and cannot have some names (`config`, `run_manager`).
    """

    call: Callable[[Mapping[str, Any]], Awaitable[str]] = Field(exclude=True, repr=False)

    async def ainvoke(
        self,
        input: str | dict[str, Any] | ToolCall,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Untyped,
    ) -> Untyped:
        """Call the tool with its arguments, or with a model's call. A model's call is answered by a message."""
        if isinstance(input, Mapping) and input.get("type") == "tool_call":
            text = await self.call(input["args"])
            return ToolMessage(content=text, tool_call_id=str(input["id"]), name=self.name)
        return await self.call(input if isinstance(input, Mapping) else {})

    def _run(self, *args: object, **kwargs: object) -> str:
        raise NotImplementedError("tools of MCP servers are asynchronous")
