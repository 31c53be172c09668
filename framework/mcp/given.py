"""What a client gives a tool, judged before the library does: its words are for programmers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastmcp.exceptions import ToolError
from fastmcp.exceptions import ValidationError as Refused
from fastmcp.server.middleware import Middleware
from pydantic import ValidationError

from framework.values import Untyped

if TYPE_CHECKING:
    from fastmcp.server.middleware import CallNext, MiddlewareContext

SHOWN = 60
"""Characters of a name that is not known."""


class GivenArguments(Middleware):
    """Counts `null` for an argument that may be left out as left out. What does not fit is told by its name."""

    async def on_call_tool(self, context: MiddlewareContext[Untyped], call_next: CallNext[Untyped, Untyped]) -> Untyped:
        """Call the tool with what was given. Raises ToolError for arguments that do not fit."""
        name, given = context.message.name, dict(context.message.arguments or {})
        server = context.fastmcp_context.fastmcp if context.fastmcp_context else None
        tool = await server.get_tool(name) if server else None
        if tool is not None:
            given = _fitting(name, given, tool.parameters)
            message = context.message.model_copy(update={"arguments": given})
            context = context.copy(message=message)
        try:
            return await call_next(context)
        except (ValidationError, Refused) as error:
            found = error if isinstance(error, ValidationError) else error.__cause__
            if not isinstance(found, ValidationError):
                raise
            first = found.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the arguments"
            raise ToolError(f"{name}: {place}: {first['msg']}.", log_level=logging.DEBUG) from None


def _fitting(name: str, given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    known, required = schema.get("properties", {}), schema.get("required", ())
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ToolError(
            f"{name} takes no argument {unknown[0][:SHOWN]!r}. It takes: {', '.join(known)}.", log_level=logging.DEBUG
        )
    kept = {key: value for key, value in given.items() if value is not None or key in required}
    missing = [key for key in required if key not in kept]
    if missing:
        raise ToolError(f"{name}: {missing[0]} is missing.", log_level=logging.DEBUG)
    return kept
