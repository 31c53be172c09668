"""Load a bot's tools.py and return the tools that its definition names."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from framework.definition.parts.operations import DIRECT_TOOLS, OPERATION_TOOLS
from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from langchain_core.tools import BaseTool

    from framework.catalog.catalog import Catalog
    from framework.definition.model import Bot


def load_tools(bot: Bot, module: ModuleType | None = None) -> tuple[BaseTool, ...]:
    """Import the bot's tools.py and return the named tools, in the order of the definition; those for the chat's
    operations come from `operations.py`, those of MCP servers (`server/tool`) from `mcp.py`. `module`: tools.py as it
    was imported before, for another variant of the bot.

    A tool is a LangChain tool or a typed function with a docstring. Raises DefinitionError with file and line if the
    file does not import, a name is missing, or a function has no docstring or types.
    """
    _check_operations(bot)
    _check_run_names(bot)
    own = [name for name in bot.definition.tool_names if name not in OPERATION_TOOLS and "/" not in name]
    if bot.tools_file is None or not own:
        return ()
    module = module or import_tools(bot)
    tools = {name: _take(name, vars(module), bot.tools_file) for name in own}
    _check_conditions(bot, tools)
    _check_run_arguments(bot, tools)
    return tuple(tools.values())


def import_tools(bot: Bot) -> ModuleType | None:
    """Import the bot's tools.py; None if it has none. Raises DefinitionError if the import fails."""
    return None if bot.tools_file is None else import_file(bot.name, bot.tools_file)


def _check_conditions(bot: Bot, tools: Mapping[str, BaseTool]) -> None:
    """Raise DefinitionError if an approval depends on an argument that its tool does not have."""
    for index, rule in enumerate(bot.definition.tools):
        tool = tools.get(rule.name)
        strange = sorted(rule.arguments - set(tool.args)) if tool is not None else []
        if tool is not None and strange:
            near = get_close_matches(strange[0], tool.args, n=1)
            guess = f"Did you mean {near[0]!r}? " if near else ""
            raise DefinitionError(
                f"tools[{index}].approval: {rule.name} has no argument {strange[0]!r}",
                where=_place(bot, ("tools", index, "approval")),
                hint=f"{guess}It takes: {', '.join(sorted(tool.args)) or 'nothing'}.",
            )


def _check_run_names(bot: Bot) -> None:
    """Raise DefinitionError if a schedule calls a tool that the bot does not have."""
    names = bot.definition.tool_names
    for index, trigger in enumerate(bot.definition.triggers):
        if trigger.run is None or not trigger.run.tool or trigger.run.tool in names:
            continue
        near = get_close_matches(trigger.run.tool, names, n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise DefinitionError(
            f"triggers[{index}].run: {trigger.run.tool!r} is not a tool of this bot",
            where=_place(bot, ("triggers", index, "schedule", "run", "tool")),
            hint=f"{guess}Add it to `tools`. There are: {', '.join(names) or 'none'}.",
        )


def _check_run_arguments(bot: Bot, tools: Mapping[str, BaseTool]) -> None:
    """Raise DefinitionError if a schedule calls a tool with arguments that it does not take."""
    from framework.tools.functions import wrong_arguments

    for index, trigger in enumerate(bot.definition.triggers):
        tool = tools.get(trigger.run.tool) if trigger.run is not None else None
        if trigger.run is None or tool is None or not (wrong := wrong_arguments(tool, trigger.run.arguments)):
            continue
        place = ("triggers", index, "schedule", "run", *(("arguments",) if trigger.run.arguments else ()))
        raise DefinitionError(
            f"triggers[{index}].run: {trigger.run.tool} does not take these arguments: {wrong}",
            where=_place(bot, place),
            hint=f"It takes: {', '.join(sorted(tool.args)) or 'nothing'}.",
        )


def _check_operations(bot: Bot) -> None:
    """Raise DefinitionError if the policy names an unknown operation, or forbids the operation of a listed tool."""
    named = [name for name in bot.definition.tool_names if name in OPERATION_TOOLS]
    rules = bot.definition.operations
    if not named and not rules.named:
        return
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.policy import Policy
    from framework.catalog.execution.principal import Principal

    catalog = Catalog.load()
    _check_names(bot, catalog)
    policy = Policy(rules, Principal(f"bot:{bot.name}", bot=bot.definition.identity.user_id))
    for name in named:
        operation_id = DIRECT_TOOLS.get(name, "")
        if operation_id and not policy.permits(catalog.operation(operation_id)):
            raise DefinitionError(
                f"the tool {name!r} executes {operation_id}, which `operations` does not allow",
                where=_place(bot, ("tools", bot.definition.tool_names.index(name))),
                hint=f"Add {operation_id} to operations.allow, or remove the tool.",
            )


def _check_names(bot: Bot, catalog: Catalog) -> None:
    from framework.catalog.catalog import UnknownOperationError

    rules = bot.definition.operations
    for key in ("allow", "deny", "approve"):
        for index, name in enumerate(getattr(rules, key)):
            if name not in rules.named:
                continue  # a class of operations
            try:
                catalog.operation(name)
            except UnknownOperationError as error:
                place = _place(bot, ("operations", key, index))
                raise DefinitionError(f"operations.{key}: {error.what}", where=place, hint=error.hint) from None


def _place(bot: Bot, key: tuple[str | int, ...]) -> Position:
    return bot.document.position(key) if bot.document else Position(bot.folder / "bot.yaml")


def import_file(bot_name: str, file: Path) -> ModuleType:
    """Import a tools.py. Raises DefinitionError, with the line, if the import fails."""
    # Each load is a module of its own, so that bots do not share tools and a changed file is read again.
    name = f"bots.{bot_name}.tools"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise DefinitionError("is not a Python file", where=Position(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Type hints of the tools are resolved here.
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise _no_python(error, file) from error
    except (
        Exception,
        SystemExit,
    ) as error:  # The author's code may raise anything; the problem is reported to the author.
        raise DefinitionError(
            f"cannot be imported: {type(error).__name__}: {error}".rstrip(": "),
            where=Position(file, _line_in(file, error)),
            hint=_import_remedy(error),
        ) from error
    return module


def _no_python(error: SyntaxError, file: Path) -> DefinitionError:
    # The mistake may be in a module that tools.py imports.
    there = Path(error.filename) if error.filename and not _same(error.filename, file) else file
    return DefinitionError(
        f"is not valid Python: {error.msg}",
        where=Position(there, error.lineno, error.offset or None),
        hint="Look at this line and the one above: brackets, quotes, a colon at the end, indentation.",
    )


def _line_in(file: Path, error: BaseException) -> int | None:
    """Return the line of the file that led to the error, also if code that it called raised it."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame.lineno for frame in frames if _same(frame.filename, file)), None)


def _same(name: str, file: Path) -> bool:
    return Path(name).resolve() == file.resolve()


def _import_remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"Correct the name, or install the package that holds {error.name!r} into the same environment."
    if isinstance(error, ImportError):
        return "Correct the name that is imported."
    if isinstance(error, SystemExit):
        return 'A module of tools must not end the program: move that below `if __name__ == "__main__":`.'
    return "It happens while the file is imported: correct that line, or move it into the function that needs it."


def _take(name: str, names: Mapping[str, object], file: Path) -> BaseTool:
    from langchain_core.tools import BaseTool

    from framework.tools.functions import check_made, function_of, made_of

    found = names.get(name)
    if isinstance(found, BaseTool):
        check_made(name, found, Position(file, _line_of(function_of(found))))
        return found
    if not callable(found):
        tools = sorted(key for key, value in names.items() if isinstance(value, BaseTool))
        near = get_close_matches(name, tools, n=1)
        raise DefinitionError(
            f"has no tool {name!r}",
            where=Position(file),
            hint=f"{f'Did you mean {near[0]!r}? ' if near else ''}Its tools: {', '.join(tools) or 'none'}.",
        )
    return made_of(name, found, Position(file, _line_of(found)))


def _line_of(found: object) -> int | None:
    code = getattr(inspect.unwrap(found) if callable(found) else found, "__code__", None)
    return getattr(code, "co_firstlineno", None)
