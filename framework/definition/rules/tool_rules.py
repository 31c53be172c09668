"""Check that each named tool exists: in tools.py, among the chat's operations, or at an MCP server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from framework.definition.parts.operations import OPERATION_TOOLS
from framework.definition.reading.problems import RuleFinding

if TYPE_CHECKING:
    from pathlib import Path

    from framework.definition.model import BotDefinition
    from framework.definition.reading.positions import Key


def server_rules(definition: BotDefinition) -> Iterator[RuleFinding]:
    """Find servers without an address, and secrets in the file."""
    for name, server in definition.mcp_servers.items():
        path: Key = ("mcp_servers", name)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            yield RuleFinding(path, f"{name!r} is not a name for a server", "Use letters, digits, _ and -.")
        if server.transport == "http" and not server.url:
            yield RuleFinding(path, "a server over http needs its address", "Add `url: https://mcp.example.com/mcp`.")
        if server.transport == "stdio" and not server.command:
            yield RuleFinding(path, "a server over stdio needs its command", "Add `command: [python, server.py]`.")
        if server.transport == "http" and server.command:
            yield RuleFinding((*path, "command"), "`command` is for stdio", "Remove it, or set `transport: stdio`.")
        if server.transport == "stdio" and server.url:
            yield RuleFinding(
                (*path, "url"), "a server is reached by its `url` or by its `command`", "Keep one of them."
            )
        if len(server.command) == 1 and " " in server.command[0].strip():
            words = ", ".join(server.command[0].split())
            yield RuleFinding((*path, "command"), "a program with blanks in its name", f"Write a list: [{words}].")
        for header, value in server.headers.items():
            if header.lower() in {"authorization", "x-api-key", "api-key"} and "${" not in value:
                yield RuleFinding(
                    (*path, "headers", header),
                    f"the secret in {header} stands in the file",
                    'Take it from the environment: "${NAME}".',
                    warning=True,
                )


def tool_rules(definition: BotDefinition, own: Mapping[str, bool] | None, *, file: bool) -> Iterator[RuleFinding]:
    """Find tools that do not exist. `own` are the names in tools.py, None if unknown; `file`: there is a tools.py."""
    seen: set[str] = set()
    for index, rule in enumerate(definition.tools):
        path: Key = ("tools", index, "name")
        if rule.name in seen:
            yield RuleFinding(path, f"the tool {rule.name!r} is named twice", "Keep one of them.")
        seen.add(rule.name)
        server, slash, _ = rule.name.partition("/")
        if slash and server not in definition.mcp_servers:
            listed = ", ".join(sorted(definition.mcp_servers)) or "none"
            yield RuleFinding(
                path,
                f"there is no MCP server {server!r}",
                f"{_guess(server, definition.mcp_servers)}Declare it under `mcp_servers:`. There are: {listed}.",
            )
        elif not slash and rule.name not in OPERATION_TOOLS and (not file or own is not None):
            yield from _own_tool(path, rule.name, own, file=file)


def _own_tool(path: Key, name: str, own: Mapping[str, bool] | None, *, file: bool) -> Iterator[RuleFinding]:
    guess = _guess(name, {*(own or ()), *OPERATION_TOOLS})
    if not file:
        yield RuleFinding(
            path,
            f"the tool {name!r} is named, but the bot has no tools.py",
            f"{guess}Write tools.py beside bot.yaml with a function {name}, or remove it from `tools`.",
        )
    elif own is not None and name not in own:
        listed = ", ".join(sorted(known for known, made in own.items() if made)) or "no tools"
        yield RuleFinding(path, f"tools.py has no tool {name!r}", f"{guess}It has: {listed}.")


def _guess(name: str, known: object) -> str:
    near = get_close_matches(name, list(known) if isinstance(known, (set, dict, frozenset)) else [], n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


def tools_in(file: Path) -> Mapping[str, bool] | None:
    """Read the names in a tools.py without running it, and whether it defines them; None if that cannot be known."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None  # The import reports it, with its line.
    names: dict[str, bool] = {}
    for node in _statements(tree.body):
        if isinstance(node, ast.ImportFrom | ast.Import):
            if any(alias.name == "*" for alias in node.names):
                return None
            names |= {alias.asname or alias.name: False for alias in node.names}
        else:
            names |= dict.fromkeys(_named_by(node), True)
    return {name: made for name, made in names.items() if not name.startswith("_") and not name.isupper()}


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those below `if`, `try` and the like, but not those inside functions."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _named_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {node.target.id} if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else set()
