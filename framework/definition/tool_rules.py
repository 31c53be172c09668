"""Tools that a definition names must be somewhere: in tools.py, among the chat's operations, at an MCP server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from framework.definition.finding import Finding
from framework.definition.operations import OPERATION_TOOLS

if TYPE_CHECKING:
    from pathlib import Path

    from framework.definition.model import BotDefinition
    from framework.definition.positions import Key


def server_rules(definition: BotDefinition) -> Iterator[Finding]:
    """Servers without an address, and secrets that stand in the file."""
    for name, server in definition.mcp_servers.items():
        path: Key = ("mcp_servers", name)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            yield Finding(path, f"{name!r} is no name for a server", "Use letters, digits, _ and -.")
        if server.transport == "http" and not server.url:
            yield Finding(path, "a server over http needs its address", "Add `url: https://mcp.example.com/mcp`.")
        if server.transport == "stdio" and not server.command:
            yield Finding(path, "a server over stdio needs its command", "Add `command: [python, server.py]`.")
        if server.transport == "http" and server.command:
            yield Finding((*path, "command"), "`command` is for stdio", "Remove it, or set `transport: stdio`.")
        for header, value in server.headers.items():
            if header.lower() in {"authorization", "x-api-key", "api-key"} and "${" not in value:
                yield Finding(
                    (*path, "headers", header),
                    f"the secret in {header} stands in the file",
                    'Take it from the environment: "${NAME}".',
                    warning=True,
                )


def tool_rules(definition: BotDefinition, own: frozenset[str] | None, *, file: bool) -> Iterator[Finding]:
    """Tools that are nowhere. `own` are the names in tools.py, None where they are not known; `file`: there is one."""
    seen: set[str] = set()
    for index, rule in enumerate(definition.tools):
        path: Key = ("tools", index, "name")
        if rule.name in seen:
            yield Finding(path, f"the tool {rule.name!r} is named twice", "Keep one of them.")
        seen.add(rule.name)
        server, slash, _ = rule.name.partition("/")
        if slash and server not in definition.mcp_servers:
            listed = ", ".join(sorted(definition.mcp_servers)) or "none"
            yield Finding(
                path,
                f"there is no MCP server {server!r}",
                f"{_guess(server, definition.mcp_servers)}Declare it under `mcp_servers:`. There are: {listed}.",
            )
        elif not slash and rule.name not in OPERATION_TOOLS and (not file or own is not None):
            yield from _own_tool(path, rule.name, own, file=file)


def _own_tool(path: Key, name: str, own: frozenset[str] | None, *, file: bool) -> Iterator[Finding]:
    guess = _guess(name, {*(own or ()), *OPERATION_TOOLS})
    if not file:
        yield Finding(
            path,
            f"the tool {name!r} is named, but the bot has no tools.py",
            f"{guess}Write tools.py beside bot.yaml with a function {name}, or remove it from `tools`.",
        )
    elif own is not None and name not in own:
        listed = ", ".join(sorted(own)) or "no tools"
        yield Finding(path, f"tools.py has no tool {name!r}", f"{guess}It has: {listed}.")


def _guess(name: str, known: object) -> str:
    near = get_close_matches(name, list(known) if isinstance(known, (set, dict, frozenset)) else [], n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


def tools_in(file: Path) -> frozenset[str] | None:
    """The names that a tools.py defines, read and not run; None where that cannot be known."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None  # Told when it is imported, with its line.
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                return None
            names |= {alias.asname or alias.name for alias in node.names}
        elif not isinstance(node, ast.Import | ast.Expr | ast.ClassDef | ast.AnnAssign):
            return None  # Names may come from anywhere, as below an `if`.
    return frozenset(name for name in names if not name.startswith("_") and not name.isupper())
