"""Loads a bot's tools.py and takes the tools that its definition names."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from difflib import get_close_matches
from typing import TYPE_CHECKING

from framework.definition.operations import DIRECT_TOOLS, OPERATION_TOOLS
from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import ModuleType

    from langchain_core.tools import BaseTool

    from framework.definition.model import Bot


def load_tools(bot: Bot, module: ModuleType | None = None) -> tuple[BaseTool, ...]:
    """Import the bot's tools.py and return the named tools, in the order of the definition; those for the chat's
    operations come from `operations.py`, those of MCP servers (`server/tool`) from `mcp.py`. `module`: tools.py as it
    was imported before, for another variant of the bot.

    A tool is a LangChain tool or a typed function with a docstring. Raises DefinitionError with file and line where the
    file does not import, a name is missing, or a function has no docstring or types.
    """
    _check_operations(bot)
    own = [name for name in bot.definition.tool_names if name not in OPERATION_TOOLS and "/" not in name]
    if bot.tools_file is None or not own:
        return ()
    module = module or import_tools(bot)
    return tuple(_take(name, vars(module), bot.tools_file) for name in own)


def import_tools(bot: Bot) -> ModuleType | None:
    """The bot's tools.py as a module; None where it has none. Raises DefinitionError where it does not import."""
    return None if bot.tools_file is None else _import(bot.name, bot.tools_file)


def _check_operations(bot: Bot) -> None:
    """Raise DefinitionError where the policy names no operation, or does not allow what a tool is there for."""
    named = [name for name in bot.definition.tool_names if name in OPERATION_TOOLS]
    rules = bot.definition.operations
    if not named and not rules.named:
        return
    from framework.catalog.catalog import Catalog, UnknownOperationError
    from framework.catalog.policy import Policy
    from framework.catalog.principal import Principal

    catalog, where = Catalog.load(), Position(bot.folder / "bot.yaml")
    for operation_id in rules.named:
        try:
            catalog.operation(operation_id)
        except UnknownOperationError as error:
            raise DefinitionError(f"operations: {error.what}", where=where, hint=error.hint) from None
    policy = Policy(rules, Principal(f"bot:{bot.name}"))
    for name in named:
        operation_id = DIRECT_TOOLS.get(name, "")
        if operation_id and not policy.permits(catalog.operation(operation_id)):
            raise DefinitionError(
                f"the tool {name!r} executes {operation_id}, which `operations` does not allow",
                where=where,
                hint=f"Add {operation_id} to operations.allow, or remove the tool.",
            )


def _import(bot_name: str, file: Path) -> ModuleType:
    # Each load is a module of its own, so that bots do not share tools and a changed file is read again.
    name = f"bots.{bot_name}.tools"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise DefinitionError("is not a Python file", where=Position(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Type hints of the tools are looked up here.
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise DefinitionError(f"is not valid Python: {error.msg}", where=Position(file, error.lineno)) from error
    except Exception as error:  # The author's code may raise anything; the author is told.
        line = next(
            (f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == str(file)), None
        )
        raise DefinitionError(
            f"cannot be imported: {type(error).__name__}: {error}", where=Position(file, line)
        ) from error
    return module


def _take(name: str, names: Mapping[str, object], file: Path) -> BaseTool:
    from langchain_core.tools import BaseTool, tool

    found = names.get(name)
    if isinstance(found, BaseTool):
        return found
    if not callable(found):
        tools = sorted(key for key, value in names.items() if isinstance(value, BaseTool))
        near = get_close_matches(name, tools, n=1)
        raise DefinitionError(
            f"has no tool {name!r}",
            where=Position(file),
            hint=f"{f'Did you mean {near[0]!r}? ' if near else ''}Its tools: {', '.join(tools) or 'none'}.",
        )
    try:
        return tool(found)
    except (ValueError, TypeError) as error:
        raise DefinitionError(
            f"{name!r} cannot be a tool: {error}",
            where=Position(file, inspect.getsourcelines(found)[1]),
            hint="Give it a docstring that says when to use it, and a type for each argument.",
        ) from error
