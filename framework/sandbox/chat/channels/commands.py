"""Slash commands: the built-in ones, those of the app, and which of them a channel type has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.permissions.channel_type import BUILT_IN_COMMANDS
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.sandbox.kernel.sandbox import Sandbox


@dataclass(slots=True)
class OwnCommand(Record):
    """A command that the app made; what it does is up to the app's command webhook."""

    KEY = ("name",)

    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    args: str = ""
    set: str = ""


COMMANDS = Table("commands", OwnCommand)


SETS = frozenset(command["set"] for command in BUILT_IN_COMMANDS.values())


def all_commands(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Return every command by name, the built-in ones first."""
    custom = {
        command.name: {
            "name": command.name,
            "description": command.description,
            "args": command.args,
            "set": command.set,
            "created_at": command.created_at,
            "updated_at": command.updated_at,
        }
        for command in sandbox.store[COMMANDS]
    }
    return {**BUILT_IN_COMMANDS, **custom}


def shown(sandbox: Sandbox, names: Iterable[str]) -> list[dict[str, Any]]:
    """Commands by name, in full; those that were deleted since are left out."""
    if not sandbox.store[COMMANDS]:
        return [BUILT_IN_COMMANDS[name] for name in names if name in BUILT_IN_COMMANDS]
    known = all_commands(sandbox)
    return [known[name] for name in names if name in known]


def expand(sandbox: Sandbox, names: Iterable[str]) -> list[str]:
    """The commands that names, the names of sets, and "all" stand for. Raises ApiError 400 for an unknown one."""
    known = all_commands(sandbox)
    expanded: dict[str, None] = {}
    for name in names:
        if name == "all":
            expanded |= dict.fromkeys(BUILT_IN_COMMANDS)
        elif name in known:
            expanded[name] = None
        elif any(command["set"] == name for command in known.values()):
            expanded |= {other: None for other, command in known.items() if command["set"] == name}
        else:
            raise invalid(f"command {name} does not exist")
    return list(expanded)
