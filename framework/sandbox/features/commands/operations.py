"""Custom slash commands."""

from __future__ import annotations

import re
from typing import Any

from framework.sandbox.chat.channels.commands import COMMANDS, OwnCommand, all_commands
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.permissions.channel_type import BUILT_IN_COMMANDS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("commands")
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)


@DOMAIN.operation("ListCommands", "GET", "/commands", access=Access.SERVER)
def list_commands(call: Call) -> Result:
    """Return every command, the built-in ones included."""
    return {"commands": list(all_commands(call.sandbox).values())}


@DOMAIN.operation("CreateCommand", "POST", "/commands", access=Access.SERVER)
def create_command(call: Call) -> Result:
    """Make a command."""
    name = call.required_text("name", call.body)
    if not _NAME.fullmatch(name):
        raise invalid("name may only contain letters, digits, _ and -, 64 at most")
    if name in all_commands(call.sandbox):
        raise invalid(f"command with name {name} already exists")
    command = OwnCommand(name, call.now, call.now)
    _apply(call, command)
    call.store[COMMANDS].put(command)
    return {"command": _view(command)}


@DOMAIN.operation("GetCommand", "GET", "/commands/{name}", access=Access.SERVER)
def get_command(call: Call) -> Result:
    """One command, also a built-in one."""
    command = all_commands(call.sandbox).get(call.path["name"])
    if command is None:
        raise not_found(f"command {call.path['name']} does not exist")
    return command


@DOMAIN.operation("UpdateCommand", "PUT", "/commands/{name}", access=Access.SERVER)
def update_command(call: Call) -> Result:
    """Change a command's description, arguments and set."""
    command = _custom(call)
    _apply(call, command)
    command.updated_at = call.now
    call.store[COMMANDS].put(command)
    return {"command": _view(command)}


@DOMAIN.operation("DeleteCommand", "DELETE", "/commands/{name}", access=Access.SERVER)
def delete_command(call: Call) -> Result:
    """Delete a command."""
    command = _custom(call)
    call.store[COMMANDS].remove(command.key)
    return {"name": command.name}


def _custom(call: Call) -> OwnCommand:
    name = call.path["name"]
    if name in BUILT_IN_COMMANDS:
        raise invalid(f"the built-in command {name} cannot be changed")
    command = call.store[COMMANDS].get(name)
    if command is None:
        raise not_found(f"command {name} does not exist")
    return command


def _apply(call: Call, command: OwnCommand) -> None:
    given = {name: call.text(name, call.body) for name in ("description", "args", "set")}
    if not (given["description"] or command.description):
        raise invalid("description is a required field")
    for name, value in given.items():
        if value is not None:
            setattr(command, name, value)
    command.set = command.set or f"{command.name}_set"


def _view(command: OwnCommand) -> dict[str, Any]:
    return command.view().fields


FEATURE = Feature(operations=(DOMAIN,))
