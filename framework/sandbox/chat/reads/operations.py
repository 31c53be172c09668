"""Read and delivery receipts, and unread counts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERSHIPS_OF, READS, Channel, Read, pair
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES, Message
from framework.sandbox.chat.mutes import rules as relations
from framework.sandbox.chat.permissions.rules import require, require_feature
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.threads import rules as threads
from framework.sandbox.chat.threads.record import THREADS, Thread
from framework.sandbox.chat.threads.view import thread_view
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.realtime.event import to_users

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.wire import Entity

DOMAIN = Domain("reads")


@DOMAIN.operation("MarkRead", "POST", "/channels/{type}/{id}/read")
def mark_read(call: Call) -> Result:
    """Mark a channel read, up to its end or up to one message."""
    channel = channels.find(call)
    user = people.acting_user(call)
    require_feature(call, channel, "read_events")
    require(call, channel, user, "read-events")
    message_id = call.text("message_id", call.body)
    upto = _message(call, channel, message_id) if message_id else None
    thread = _thread(call, channel)
    if thread is not None:
        return {"event": _mark_thread(call, channel, thread, user, upto)}
    return {"event": _mark(call, channel, user, upto)}


def _thread(call: Call, channel: Channel) -> Thread | None:
    """The thread that `thread_id` names, or None if the channel itself is meant. Raises ApiError 404."""
    thread_id = call.text("thread_id", call.body)
    if not thread_id:
        return None
    thread = call.store[THREADS].get(thread_id)
    if thread is None or thread.cid != channel.cid:
        raise not_found(f"Thread with parent message {thread_id} not found")
    return thread


def _mark_thread(call: Call, channel: Channel, thread: Thread, user: User, upto: Message | None) -> Entity:
    last = upto or threads.last_reply(call.sandbox, thread)
    at = upto.created_at if upto is not None else call.now
    threads.mark_read(call, thread, user.id, at, last.id if last is not None else None)
    payload: dict[str, Any] = {
        "user": user_view(call.sandbox, user),
        "thread": thread_view(call.sandbox, thread),
        "last_read_at": at,
        "last_read_message_id": last.id if last is not None else None,
    }
    only = None if relations.shares(call.sandbox, user.id, "read_receipts") else (user.id,)
    channels.announce(call, "message.read", channel, payload, only=only)
    event = call.events[-1].body()
    notice = {**payload, "thread_id": thread.parent_message_id, **unread.totals(call.sandbox, user.id)}
    notice["channel"] = channel_view(call.sandbox, channel)
    call.emit(to_users("notification.mark_read", call.now, (user.id,), notice, channel.cid))
    return event


def _mark(call: Call, channel: Channel, user: User, upto: Message | None) -> Entity:
    line = call.store.index(TIMELINES).channel(channel.cid)
    last = upto or (line[-1] if line else None)
    at = upto.created_at if upto is not None else call.now
    read = unread.mark(call.sandbox, channel.cid, user.id, at, last.id if last else None)
    payload: dict[str, Any] = {
        "user": user_view(call.sandbox, user),
        "last_read_at": read.last_read,
        "channel_last_message_at": line[-1].created_at if line else None,
    }
    if last is not None:
        payload["last_read_message_id"] = last.id
    only = None if relations.shares(call.sandbox, user.id, "read_receipts") else (user.id,)
    channels.announce(call, "message.read", channel, payload, only=only)
    event = call.events[-1].body()
    notice = {**payload, "channel": channel_view(call.sandbox, channel), **unread.totals(call.sandbox, user.id)}
    call.emit(to_users("notification.mark_read", call.now, (user.id,), notice, channel.cid))
    return event


@DOMAIN.operation("MarkChannelsRead", "POST", "/channels/read")
def mark_channels_read(call: Call) -> Result:
    """Mark several channels read (`read_by_channel`), or all of the user's."""
    user = people.acting_user(call)
    named = call.mapping("read_by_channel", call.body)
    for member in call.store.index(MEMBERSHIPS_OF).of(user.id):
        if named and member.cid not in named:
            continue
        channel = channels.by_cid(call, member.cid)
        message_id = named.get(member.cid)
        upto = _message(call, channel, message_id) if isinstance(message_id, str) and message_id else None
        _mark(call, channel, user, upto)
    return {"event": None}


@DOMAIN.operation("MarkUnread", "POST", "/channels/{type}/{id}/unread")
def mark_unread(call: Call) -> Result:
    """Mark a channel unread from a message (or a time) on."""
    channel = channels.find(call)
    user = people.acting_user(call)
    require_feature(call, channel, "read_events")
    require(call, channel, user, "read-events")
    message_id = call.text("message_id", call.body)
    thread = _thread(call, channel)
    if thread is not None:
        return _unread_thread(call, channel, thread, user, message_id)
    line = call.store.index(TIMELINES).channel(channel.cid)
    since = call.time("message_timestamp", call.body)
    if message_id:
        first: Message | None = _message(call, channel, message_id)
    elif since is not None:
        first = next((message for message in line if message.created_at >= since), None)
    else:
        raise invalid("message_id is a required field")
    if first is None:
        return {}
    earlier = [message for message in line if message.created_at < first.created_at]
    at = earlier[-1].created_at if earlier else channel.created_at
    read = unread.mark(call.sandbox, channel.cid, user.id, at, earlier[-1].id if earlier else None)
    payload = {
        "user": user_view(call.sandbox, user),
        "channel": channel_view(call.sandbox, channel),
        "first_unread_message_id": first.id,
        "last_read_at": read.last_read,
        "last_read_message_id": read.last_read_message_id,
        "unread_messages": unread.of(call.sandbox, read),
        **unread.totals(call.sandbox, user.id),
    }
    call.emit(to_users("notification.mark_unread", call.now, (user.id,), payload, channel.cid))
    return {}


def _unread_thread(call: Call, channel: Channel, thread: Thread, user: User, message_id: str | None) -> Result:
    """Mark a thread unread: from one of its replies on, or from its first."""
    line = call.store.index(TIMELINES).replies(thread.parent_message_id)
    first = next((reply for reply in line if not message_id or reply.id == message_id), None)
    if first is None:
        raise invalid(f"message {message_id} is not a reply in thread {thread.parent_message_id}")
    earlier = [reply for reply in line if reply.created_at < first.created_at]
    at = earlier[-1].created_at if earlier else first.created_at - timedelta(microseconds=1)
    mine = threads.mark_read(call, thread, user.id, at, earlier[-1].id if earlier else None)
    payload = {
        "user": user_view(call.sandbox, user),
        "channel": channel_view(call.sandbox, channel),
        "thread_id": thread.parent_message_id,
        "first_unread_message_id": first.id,
        "last_read_at": mine.last_read_at,
        "last_read_message_id": mine.last_read_message_id,
        "unread_messages": threads.unread_in(call.sandbox, mine),
        **unread.totals(call.sandbox, user.id),
    }
    call.emit(to_users("notification.mark_unread", call.now, (user.id,), payload, channel.cid))
    return {}


@DOMAIN.operation("MarkDelivered", "POST", "/channels/delivered")
def mark_delivered(call: Call) -> Result:
    """Note which message was the last to reach a user in each channel."""
    user = people.acting_user(call)
    entries = call.objects("latest_delivered_messages", call.body)
    if not entries:
        raise invalid("latest_delivered_messages is a required field")
    for entry in entries:
        channel = channels.by_cid(call, call.required_text("cid", entry))
        require_feature(call, channel, "delivery_events")
        channels.require_read(call, channel, user)
        message = call.store[MESSAGES].get(call.required_text("id", entry))
        if message is None or message.cid != channel.cid:
            continue  # it may be gone by now: a receipt for it says nothing any more, and is taken
        read = call.store[READS].get(pair(channel.cid, user.id)) or Read(channel.cid, user.id, channel.created_at)
        read.last_delivered_at, read.last_delivered_message_id = message.created_at, message.id
        call.store[READS].put(read)
        payload = {
            "user": user_view(call.sandbox, user),
            "last_delivered_at": message.created_at,
            "last_delivered_message_id": message.id,
        }
        only = None if relations.shares(call.sandbox, user.id, "delivery_receipts") else (user.id,)
        channels.announce(call, "message.delivered", channel, payload, only=only)
    return {}


@DOMAIN.operation("UnreadCounts", "GET", "/unread")
def unread_counts(call: Call) -> Result:
    """A user's unread counts, by channel and by channel type."""
    return _counts(call, people.acting_user(call).id)


@DOMAIN.operation("UnreadCountsBatch", "POST", "/unread_batch", access=Access.SERVER)
def unread_counts_batch(call: Call) -> Result:
    """The unread counts of several users."""
    # The JavaScript SDK's type of each user's counts is that of a whole answer, which has a duration.
    counts = {user_id: {**_counts(call, user_id), "duration": ""} for user_id in call.texts("user_ids", call.body)}
    return {"counts_by_user": counts}


def _counts(call: Call, user_id: str) -> dict[str, Any]:
    by_channel, by_type = [], dict[str, dict[str, Any]]()
    for member in call.store.index(MEMBERSHIPS_OF).of(user_id):
        read = call.store[READS].get(pair(member.cid, user_id))
        amount = unread.of(call.sandbox, read) if read is not None else 0
        if read is None or not amount:
            continue
        by_channel.append({"channel_id": member.cid, "unread_count": amount, "last_read": read.last_read})
        kind = member.cid.partition(":")[0]
        entry = by_type.setdefault(kind, {"channel_type": kind, "channel_count": 0, "unread_count": 0})
        entry["channel_count"] += 1
        entry["unread_count"] += amount
    total = unread.totals(call.sandbox, user_id)["total_unread_count"]
    by_thread = [
        {
            "parent_message_id": mine.parent_message_id,
            "unread_count": amount,
            "last_read": mine.last_read_at,
            "last_read_message_id": mine.last_read_message_id or "",
        }
        for mine, amount in threads.unread_threads(call.sandbox, user_id)
    ]
    return {
        "total_unread_count": total,
        "total_unread_threads_count": len(by_thread),
        "channels": by_channel,
        "channel_type": list(by_type.values()),
        "threads": by_thread,
    }


def _message(call: Call, channel: Channel, message_id: str) -> Message:
    message = call.store[MESSAGES].get(message_id)
    if message is None or message.cid != channel.cid:
        raise invalid(f"message {message_id} does not exist in channel {channel.cid}")
    return message


FEATURE = Feature(operations=(DOMAIN,))
