"""A call's arguments as the tool takes them: converted to the types of its schema, with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from framework.catalog.execution.arguments import fits

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def judged(tool: BaseTool, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the arguments as the tool's function gets them; None if the schema refuses them.

    "7000" for a number is 7000, `true` for a number is 1. The schema of a tool of an MCP server converts nothing: there
    a value of another type than declared is refused.
    """
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return dict(arguments) if fits(schema, arguments) else None
    if not issubclass(schema, BaseModel):
        return None
    try:
        taken = schema.model_validate(dict(arguments))
    except (ValidationError, ArithmeticError, RecursionError):
        return None
    return taken.model_dump()


def shown_arguments(tool: BaseTool, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments for people: as the tool takes them, and beside them what it was given and does not take."""
    return {**arguments, **(judged(tool, arguments) or {})}
