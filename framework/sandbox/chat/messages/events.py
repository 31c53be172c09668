"""Telling of messages: new ones, changes, and what members hear who do not watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, Channel
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.messages.record import (
    MESSAGES,
    Message,
)
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.threads.record import PARTICIPANTS_OF
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.realtime.event import Audience, Event, to_watchers
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call


def publish_new(call: Call, channel: Channel, message: Message, user: User) -> None:
    """message.new to those who watch, notification.message_new to members who do not."""
    sandbox = call.sandbox
    payload: dict[str, Any] = {
        "message": message_view(sandbox, message),
        "user": user_view(sandbox, user),
        "message_id": message.id,
        "watcher_count": sandbox.hub.watcher_count(channel.cid),
        "channel_last_message_at": message.created_at,
    }
    if message.parent_id is not None:
        payload["parent_id"] = message.parent_id
    only = seen_by(message)
    channels.announce(call, "message.new", channel, payload, only=only)
    call.events[-1].per_user = lambda user_id: unread.totals(sandbox, user_id)
    if message.silent or message.shadowed:
        return
    if message.in_channel:
        _notify_absent(call, channel, message, payload)
    if message.parent_id is not None:
        _notify_thread(call, channel, message, payload)


def _notify_absent(call: Call, channel: Channel, message: Message, payload: dict[str, Any]) -> None:
    """notification.message_new to the members who do not watch; most have no connection, so see first if any has."""
    members = channels.member_ids(call, channel)
    audience = Audience(absent_from=channel.cid, users=members, only=seen_by(message))
    if not call.sandbox.wanted("notification.message_new", audience):
        return
    body = {
        "cid": channel.cid,
        "channel_id": channel.id,
        "channel_type": channel.type,
        **payload,
        "channel": channel_view(call.sandbox, channel),
    }
    event = Event("notification.message_new", call.now, body, audience, channel.cid)
    event.per_user = lambda user_id: unread.totals(call.sandbox, user_id)
    call.emit(event)


def _notify_thread(call: Call, channel: Channel, reply: Message, payload: dict[str, Any]) -> None:
    """notification.thread_message_new to the others who take part in the thread and do not watch the channel."""
    sandbox, parent_id = call.sandbox, reply.parent_id or ""
    others = [one.user_id for one in call.store.index(PARTICIPANTS_OF).of(parent_id) if one.user_id != reply.user_id]
    body = {
        "cid": channel.cid,
        "channel_id": channel.id,
        "channel_type": channel.type,
        "thread_id": parent_id,
        "channel": channel_view(sandbox, channel),
        **payload,
    }
    audience = Audience(absent_from=channel.cid, users=tuple(others), only=seen_by(reply))
    event = Event("notification.thread_message_new", call.now, body, audience, channel.cid)
    event.per_user = lambda user_id: unread.totals(sandbox, user_id)
    call.emit(event)


def seen_by(message: Message) -> tuple[str, ...] | None:
    """The only users who may see a message; None if everyone in the channel may."""
    if message.shadowed or message.pending:
        return (message.user_id,)
    return (*message.restricted_visibility, message.user_id) if message.restricted_visibility else None


def publish_change(call: Call, kind: str, message: Message, user: User | None, **more: Json) -> None:
    """message.updated, message.deleted or message.undeleted to those who watch."""
    channel = call.store[CHANNELS].get(message.cid)
    if channel is None:
        return
    payload: dict[str, Any] = {"message": message_view(call.sandbox, message), "message_id": message.id, **more}
    if user is not None:
        payload["user"] = user_view(call.sandbox, user)
    channels.announce(call, kind, channel, payload, only=seen_by(message))


def publish_gone(call: Call, message: Message) -> None:
    """message.deleted to those who watch and may not see the message any more: all but its author."""
    channel = call.store[CHANNELS].get(message.cid)
    if channel is None:
        return
    others = tuple(one for one in call.sandbox.hub.watchers(message.cid) if one != message.user_id)
    payload = {"message": message_view(call.sandbox, message), "message_id": message.id, "hard_delete": True}
    event = to_watchers("message.deleted", call.now, channel.cid, payload)
    event.audience, event.hooks = Audience(watching=channel.cid, only=others), False
    call.emit(event)


def publish_parent(call: Call, reply: Message, user: User | None) -> None:
    """message.updated for what a reply answers: clients take its reply count and its participants from there alone."""
    parent = call.store[MESSAGES].get(reply.parent_id) if reply.parent_id is not None else None
    if parent is not None:
        publish_change(call, "message.updated", parent, user)
