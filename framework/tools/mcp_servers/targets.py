"""Addresses and programs of a definition's MCP servers, with variables of the environment filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from framework.definition.parts.tools import McpServer


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Target:
    """A server, with variables of the environment filled into its headers and its environment."""

    name: str
    url: str = ""
    command: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def targets(
    servers: Mapping[str, McpServer],
    environment: Mapping[str, str],
    position: Callable[[tuple[str | int, ...]], Position],
) -> tuple[Target, ...]:
    """Return the servers of a definition. `position` returns a key's place in bot.yaml.

    Raises DefinitionError for a variable that is not set, and for a server without an address.
    """
    return tuple(_target(name, server, environment, position) for name, server in servers.items())


def _target(
    name: str,
    server: McpServer,
    environment: Mapping[str, str],
    position: Callable[[tuple[str | int, ...]], Position],
) -> Target:
    base: tuple[str | int, ...] = ("mcp_servers", name)
    if server.transport == "http" and not server.url:
        raise DefinitionError(f"the MCP server {name!r} has no url", where=position(base), hint="Give it a `url`.")
    if server.transport == "stdio" and not server.command:
        raise DefinitionError(
            f"the MCP server {name!r} has no command", where=position(base), hint="Give it a `command`: [PROGRAM, ...]."
        )

    def filled(part: str, values: Mapping[str, str]) -> dict[str, str]:
        return {key: _fill(value, environment, position((*base, part, key))) for key, value in values.items()}

    if server.transport == "stdio":
        return Target(name, command=server.command, environment=filled("environment", server.environment))
    return Target(
        name,
        url=_fill(server.url, environment, position((*base, "url"))),
        headers=filled("headers", server.headers),
    )


def _fill(text: str, environment: Mapping[str, str], where: Position) -> str:
    missing = [name for name in _VARIABLE.findall(text) if not environment.get(name)]
    if missing:
        raise DefinitionError(
            f"takes {', '.join(missing)} from the environment, where it is not set",
            where=where,
            hint=f"Set {missing[0]}, or remove this entry.",
        )
    return _VARIABLE.sub(lambda match: environment[match[1]], text)
