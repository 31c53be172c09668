"""Deleting a channel, and its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, MEMBERS_OF, READS, READS_OF, Channel
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES_OF
from framework.sandbox.chat.users.view import user_view

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Entity


def delete_now(call: Call, channel: Channel, user: User | None, *, keep_messages: bool = False) -> Entity:
    """Delete a channel and all that hangs on it, and tell watchers and members; returns its last view.

    `keep_messages` leaves them for a channel that is made anew under the same id.
    """
    channel.deleted_at = call.now
    view = channel_view(call.sandbox, channel)
    payload: dict[str, Any] = {"channel": view}
    if user is not None:
        payload["user"] = user_view(call.sandbox, user)
    channels.announce(call, "channel.deleted", channel, payload)
    channels.notify_absent(call, "notification.channel_deleted", channel, payload)
    if not keep_messages:
        remove_messages(call, channel)
    for member in call.store.index(MEMBERS_OF).of(channel.cid):
        call.store[MEMBERS].remove(member.key)
    for read in call.store.index(READS_OF).of(channel.cid):
        call.store[READS].remove(read.key)
    for drop in call.sandbox[FEATURES].forget_channel:
        drop(call, channel.cid)
    call.store[CHANNELS].remove(channel.cid)
    return view


def remove_messages(call: Call, channel: Channel, upto: datetime | None = None) -> None:
    """Forget the messages of a channel and their reactions: all, or those sent until a time."""
    for message in call.store.index(MESSAGES_OF).of(channel.cid):
        if upto is not None and message.created_at > upto:
            continue
        messages.forget(call, message)
