"""The built-in commands that act on a user: `/mute @name`, `/unmute`, `/ban @name reason`, `/unban`, `/flag`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS_OF
from framework.sandbox.chat.messages.view import render_html
from framework.sandbox.chat.mutes import operations as mutes
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.features.commands import slash
from framework.sandbox.features.moderation import bans, flags
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.protocol import Actor, ActorKind

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.features.commands.slash import TypedCommand

_RUN: dict[str, tuple[Callable[[Call], Any], str]] = {
    "mute": (mutes.mute, "was muted"),
    "unmute": (mutes.unmute, "was unmuted"),
    "ban": (bans.ban, "was banned from this channel"),
    "unban": (bans.unban, "was unbanned from this channel"),
    "flag": (flags.flag, "was flagged"),
}
NAMES = frozenset(_RUN)


def screen(call: Call, channel: Channel, message: Message, user: User) -> Message | None:
    """Act on the command that a message begins with. The answer of one that is not sent is returned."""
    command = slash.parse(call, channel, message.text)
    if command is None:
        return None
    if command.name == "giphy":
        return slash.giphy(call, message, command)
    if command.name in NAMES:
        return run(call, channel, message, user, command)
    message.command, message.args = command.name, command.args
    return None


def run(call: Call, channel: Channel, message: Message, user: User, command: TypedCommand) -> Message:
    """Do it with the rights of the user who typed it; returns what only that user is told, which is not stored.

    Raises ApiError 400 for an unknown name, and what the operation itself raises.
    """
    name, _, rest = command.args.partition(" ")
    target = _named(call, channel, name.removeprefix("@"))
    body = {"target_id": target.id, "target_user_id": target.id, "reason": rest.strip()}
    if command.name in ("ban", "unban"):
        body |= {"type": channel.type, "id": channel.id}
    handler, done = _RUN[command.name]
    handler(replace(call, actor=Actor(ActorKind.USER, user.id), query={}, body=body))
    message.type, message.command, message.args = "ephemeral", command.name, command.args
    message.text = f"@{target.name or target.id} {done}"
    message.html = render_html(message.text)
    return message


def _named(call: Call, channel: Channel, name: str) -> User:
    found = call.store[USERS].get(name)
    if found is not None:
        return found
    for member in call.store.index(MEMBERS_OF).of(channel.cid):
        user = call.store[USERS].get(member.user_id)
        if user is not None and user.name is not None and user.name.casefold() == name.casefold() and name:
            return user
    raise invalid(f"there is no user @{name} in this channel")
