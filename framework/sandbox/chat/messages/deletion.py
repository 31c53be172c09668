"""Deleting messages: as a tombstone, for good, or for one user only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages import revisions
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.realtime.event import to_users

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Entity

DELETIONS = ("soft", "pruning", "hard")
"""How all messages of a user may be deleted."""


def delete_for(call: Call, message: Message, user: User) -> Entity:
    """Hide a message from one user and tell that user's connections; returns its view."""
    message.deleted_for = [*dict.fromkeys([*message.deleted_for, user.id])]
    call.store[MESSAGES].put(message)
    view = message_view(call.sandbox, message, user.id)
    payload = {"message": view, "message_id": message.id, "user": user_view(call.sandbox, user), "deleted_for_me": True}
    call.emit(to_users("message.deleted", call.now, (user.id,), payload, message.cid))
    return view


def delete_soft(call: Call, message: Message, user: User | None) -> Entity:
    """Turn a message into a tombstone and tell watchers; returns its view."""
    revisions.keep(call, message, user.id if user is not None else None)
    message.deleted_at = message.updated_at = call.now
    message.type = "deleted"
    call.store[MESSAGES].put(message)
    unread.recount(call.sandbox, message.cid)
    message_events.publish_change(call, "message.deleted", message, user, hard_delete=False)
    message_events.publish_parent(call, message, user)
    return message_view(call.sandbox, message)


def delete_hard(call: Call, message: Message, user: User | None) -> Entity:
    """Remove a message with its replies and reactions and tell watchers; returns its last view."""
    message.deleted_at = call.now
    message.type = "deleted"
    view = message_view(call.sandbox, message)
    message_events.publish_change(call, "message.deleted", message, user, hard_delete=True)
    for gone in [*call.store.index(TIMELINES).replies(message.id), message]:
        messages.forget(call, gone)
    message_events.publish_parent(call, message, user)
    unread.recount(call.sandbox, message.cid)
    return view


def delete_messages(call: Call, target: User, cid: str, how: str, by: User | None) -> int:
    """Delete what a user wrote, in a channel or everywhere; returns how many messages that were."""
    mine = [item for item in call.store[MESSAGES] if item.user_id == target.id and (not cid or item.cid == cid)]
    for message in mine:
        if message.id not in call.store[MESSAGES]:
            continue  # a reply went with the message that it answered
        if how in ("hard", "pruning"):
            delete_hard(call, message, by)
        elif message.deleted_at is None:
            delete_soft(call, message, by)
    return len(mine)
