"""What a client gets back: an answer once, and errors in our own words."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.tools import ToolResult
from mcp_types import TextContent

from framework.errors import FrameworkError


def once(answer: dict[str, Any] | str) -> ToolResult:
    """Return an answer as text alone: as structured content besides, some clients would show and pay for it twice."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
    return ToolResult(content=[TextContent(type="text", text=text)])


@contextmanager
def told() -> Iterator[None]:
    """Tell the client what went wrong, in our own words and never in a library's."""
    try:
        yield
    except FrameworkError as error:
        # It is in the audit log; FastMCP would log it as an error of ours.
        raise ToolError(str(error), log_level=logging.DEBUG) from None
