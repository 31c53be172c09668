"""A channel's state as `query` answers it: channel, messages, members, read states, watchers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS, MEMBERS_OF, Channel, pair
from framework.sandbox.chat.channels.view import channel_view, member_view, reads_view
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.messages.record import TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.messages.window import window
from framework.sandbox.chat.permissions.rules import is_waiting
from framework.sandbox.chat.users.view import user_by_id, user_view
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.realtime.event import Audience, Event
from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call

MAX_MEMBERS = 100
_NOTHING: dict[str, Any] = {}


def visible(call: Call, channel: Channel, user: User | None) -> list[Message]:
    """The channel's timeline as a user may see it; None is a server, which sees all."""
    return visible_line(call, call.store.index(TIMELINES).channel(channel.cid), channel.cid, user)


def visible_line(call: Call, line: list[Message], cid: str, user: User | None) -> list[Message]:
    """A timeline without what is hidden from a user. Copies only where something is hidden."""
    if not line:
        return line
    if user is None:
        return [message for message in line if not message.pending] if any(item.pending for item in line) else line
    member = call.store[MEMBERS].get(pair(cid, user.id))
    since = member.hide_messages_before if member is not None else None

    def hidden(message: Message) -> bool:
        return (
            message.pending
            or (since is not None and message.created_at <= since)
            or (message.shadowed and message.user_id != user.id)
            or user.id in message.deleted_for
            or bool(message.restricted_visibility and user.id not in (*message.restricted_visibility, message.user_id))
        )

    return [message for message in line if not hidden(message)] if any(map(hidden, line)) else line


def channel_state(
    call: Call,
    channel: Channel,
    user: User | None,
    *,
    messages: Mapping[str, Any] = _NOTHING,
    members: Mapping[str, Any] = _NOTHING,
    watchers: Mapping[str, Any] | None = None,
    state: bool = True,
) -> dict[str, Any]:
    """Return the state. With `state` false only the channel, its members and the membership, and empty lists."""
    sandbox = call.sandbox
    result: dict[str, Any] = {
        "channel": channel_view(sandbox, channel, user),
        "messages": [],
        "members": [],
        "pinned_messages": [],
        "threads": [],
        "watcher_count": sandbox.hub.watcher_count(channel.cid),
    }
    viewer = user.id if user is not None else None
    if user is not None:
        _add_membership(call, channel, user, result)
    limit = call.number("limit", MAX_MEMBERS, high=MAX_MEMBERS, source=members)
    offset = call.number("offset", 0, source=members)
    everyone = call.store.index(MEMBERS_OF).of(channel.cid)
    result["members"] = [member_view(sandbox, member) for member in everyone[offset : offset + limit]]
    if state:
        line = visible(call, channel, user)
        result["messages"] = [message_view(sandbox, item, viewer) for item in window(call, line, messages)]
        pinned = [item for item in line if item.pinned and (item.pin_expires is None or item.pin_expires > call.now)]
        result["pinned_messages"] = [message_view(sandbox, item, viewer) for item in pinned[-10:]]
        result["read"] = reads_view(sandbox, channel.cid, viewer)
        result |= _own(call, channel, user)
    if watchers is not None:
        amount = call.number("limit", 30, high=300, source=watchers)
        skip = call.number("offset", 0, source=watchers)
        ids = sandbox.hub.watchers(channel.cid)[skip : skip + amount]
        result["watchers"] = [user_by_id(sandbox, user_id) for user_id in ids]
    return result


def _own(call: Call, channel: Channel, user: User | None) -> dict[str, Any]:
    """What features add for the user (or a server), and the pending messages that it may see."""
    own: dict[str, Any] = {}
    for add in call.sandbox[FEATURES].channel_state:
        own |= add(call, channel, user)
    line = call.store.index(TIMELINES).channel(channel.cid)
    pending = [item for item in line if item.pending and (user is None or user.id == item.user_id)]
    if pending:
        own["pending_messages"] = [_pending_view(call, channel, message) for message in pending]
    return own


def _pending_view(call: Call, channel: Channel, message: Message) -> dict[str, Any]:
    metadata = message.pending_message_metadata or {}
    view = {
        "message": message_view(call.sandbox, message, message.user_id),
        "user": user_by_id(call.sandbox, message.user_id),
        "channel": channel_view(call.sandbox, channel),
    }
    return {**view, "metadata" if call.dialect is WireDialect.V2 else "pending_message_metadata": metadata}


def _add_membership(call: Call, channel: Channel, user: User, result: dict[str, Any]) -> None:
    member = call.store[MEMBERS].get(pair(channel.cid, user.id))
    if member is None:
        return
    result["membership"] = member_view(call.sandbox, member)
    if member.hidden:
        result["hidden"] = True
    if member.hide_messages_before is not None:
        result["hide_messages_before"] = member.hide_messages_before


def watch(call: Call, channel: Channel, user: User) -> None:
    """Let the call's connection watch a channel, and tell the others. Raises ApiError 400 without a connection."""
    connection_id = call.query.get("connection_id") or call.body.get("connection_id")
    connection = call.sandbox.hub.connection(connection_id) if isinstance(connection_id, str) else None
    if connection is None:
        raise invalid(
            "Watch or Presence requires an active websocket connection, please make sure to include your "
            "websocket connection_id"
        )
    if connection.user_id != user.id:
        raise invalid("the connection_id belongs to another user")
    member = call.store[MEMBERS].get(pair(channel.cid, user.id))
    if member is not None and is_waiting(member):
        return
    if not call.sandbox.hub.watch(channel.cid, connection):
        return
    payload = {
        "cid": channel.cid,
        "channel_id": channel.id,
        "channel_type": channel.type,
        "user": user_view(call.sandbox, user),
        "watcher_count": call.sandbox.hub.watcher_count(channel.cid),
    }
    audience = Audience(watching=channel.cid, exclude=connection.id)
    call.emit(Event("user.watching.start", call.now, payload, audience, channel.cid))
