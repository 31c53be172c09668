"""Checking, sending and changing messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERS, MEMBERS_OF, READS, Channel, pair
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.messages import events, revisions
from framework.sandbox.chat.messages import fields as message_fields
from framework.sandbox.chat.messages.record import (
    MESSAGE_INPUT,
    MESSAGE_RESERVED,
    MESSAGES,
    REACTIONS,
    REACTIONS_TO,
    Message,
)
from framework.sandbox.chat.permissions import ban_status
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.threads import rules as threads
from framework.sandbox.chat.users import people, response_times
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.errors import ApiError, invalid, not_found, too_long
from framework.sandbox.kernel.realtime.event import to_users

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Input

MAX_ID = 255
_ID = re.compile(r"[^,%]+")
_CLIENT_TYPES = ("", "regular", "reply")


def find(call: Call, message_id: str) -> Message:
    """Return a message by id. Raises ApiError 404 if there is none, or if only others may see it."""
    message = call.store[MESSAGES].get(message_id)
    if message is None or is_for_others(call, message):
        raise not_found(f"Message with id {message_id} not found")
    return message


def is_for_others(call: Call, message: Message) -> bool:
    """Whether only some people may see a message, and the caller is none of them."""
    readers = message.restricted_visibility
    return bool(readers) and not call.actor.is_server and call.actor.user_id not in (*readers, message.user_id)


def channel_of(call: Call, message: Message) -> Channel:
    """The channel that a message stands in."""
    return channels.by_cid(call, message.cid)


def take_message(call: Call, raw: object) -> Input:
    """Return a message as a client sends it, without the fields of answers."""
    if not isinstance(raw, Mapping):
        raise invalid("message is a required field and must be an object")
    return call.take({k: v for k, v in raw.items() if k not in MESSAGE_RESERVED}, MESSAGE_INPUT, "message")


def send(call: Call, channel: Channel, taken: Input, user: User, *, skip_push: bool = False) -> Message:
    """Post a message: check it, store it, and tell watchers and members."""
    return deliver(call, channel, compose(call, channel, taken, user), user, skip_push=skip_push)


def deliver(
    call: Call, channel: Channel, message: Message, user: User, *, keep_hidden: bool = False, skip_push: bool = False
) -> Message:
    """Store a composed message with what hangs on it and tell watchers and members; a pending one waits for that.

    `keep_hidden` leaves the channel hidden for the members who hid it; else a message brings it back.
    """
    message.shadowed = message.shadowed or ban_status.is_shadow_banned(call.sandbox, channel.cid, user.id)
    call.store[MESSAGES].put(message)
    for note in call.sandbox[FEATURES].message_sent:
        note(call, message)
    if not message.pending:
        release(call, channel, message, user, keep_hidden=keep_hidden, skip_push=skip_push)
    return message


def release(
    call: Call, channel: Channel, message: Message, user: User, *, keep_hidden: bool = False, skip_push: bool = False
) -> None:
    """Let a stored message count and be seen: at once when it is sent, or when a pending one is committed."""
    threads.note_reply(call, message)
    response_times.note(call, message, user)
    unread.add(call.sandbox, message)
    if counts_as_read(call, channel, message):
        unread.mark(call.sandbox, channel.cid, user.id, message.created_at, message.id)
    if not keep_hidden and message.in_channel:
        _reopen(call, channel)
    events.publish_new(call, channel, message, user)
    events.publish_parent(call, message, user)
    for note in call.sandbox[FEATURES].message_shown:
        note(call, message, skip_push)


def _reopen(call: Call, channel: Channel) -> None:
    """Show the channel again to the members who hid it: until now nothing new came."""
    for member in call.store.index(MEMBERS_OF).of(channel.cid):
        if member.hidden:
            member.hidden = False
            call.store[MEMBERS].put(member)
            payload = {"user": user_by_id(call.sandbox, member.user_id), "channel": channel_view(call.sandbox, channel)}
            call.emit(to_users("channel.visible", call.now, (member.user_id,), payload, channel.cid))


def forget(call: Call, message: Message) -> None:
    """Remove a message for good, with all that hangs on it but its replies."""
    store = call.store
    for reaction in store.index(REACTIONS_TO).of(message.id):
        store[REACTIONS].remove(reaction.key)
    for drop in call.sandbox[FEATURES].forget_message:
        drop(call, message)
    threads.forget(call, message.id)
    revisions.forget(call, message.id)
    store[MESSAGES].remove(message.id)


def counts_as_read(call: Call, channel: Channel, message: Message) -> bool:
    """Return whether its author has, by sending it, read the channel up to it."""
    return message.in_channel and not message.silent and pair(channel.cid, message.user_id) in call.store[READS]


def compose(call: Call, channel: Channel, taken: Input, user: User) -> Message:
    """Return a new message from a client's input, checked but not stored."""
    message_id = _new_id(call, taken.fields.get("id"))
    message = Message(message_id, channel.cid, user.id, call.now, call.now)
    message.type = _type(call, taken.fields.get("type"))
    _place(call, channel, message, taken.fields)
    for check in call.sandbox[FEATURES].check_message:
        check(call, channel, message, user, taken.fields)
    message_fields.apply(call, channel, message, taken)
    if message.type == "system" and not message.text and not taken.custom:
        return message
    _require_content(message)
    return message


def _require_content(message: Message) -> None:
    if message.text.strip() or message.mml or message.attachments or message.custom:
        return
    if message.poll_id or message.shared_location or message.quoted_message_id:
        return
    raise invalid("message must have either a text, attachments or custom data: it is empty")


def _new_id(call: Call, given: object) -> str:
    if given is None or given == "":
        return call.sandbox.ids.new()
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise invalid("message.id must be a string without commas and percent signs")
    if len(given) > MAX_ID:
        raise too_long(f"message.id must be a maximum of {MAX_ID} characters in length")
    if given in call.store[MESSAGES]:
        raise invalid(f"a message with ID {given} already exists")
    return given


def _type(call: Call, given: object) -> str:
    if given is None or given in _CLIENT_TYPES:
        return "regular"
    if given == "system" and call.actor.is_server:
        return "system"
    raise invalid(f"message.type {given!r} is not a valid type for a new message")


def _place(call: Call, channel: Channel, message: Message, fields: Mapping[str, Any]) -> None:
    """Put a reply under its parent, and a quote to what it quotes."""
    parent_id = call.text("parent_id", fields)
    if parent_id:
        parent = call.store[MESSAGES].get(parent_id)
        if parent is None or parent.cid != channel.cid or is_for_others(call, parent):
            raise invalid(f"parent message {parent_id} does not exist in this channel")
        if parent.parent_id is not None:
            raise ApiError(400, 21, f"message {parent_id} is itself a reply: threads have one level")
        message.parent_id = parent_id
        message.type = "reply" if message.type == "regular" else message.type
        message.show_in_channel = call.flag("show_in_channel", fields)
    quoted_id = call.text("quoted_message_id", fields)
    if quoted_id:
        quoted = call.store[MESSAGES].get(quoted_id)
        if quoted is None or quoted.cid != channel.cid or is_for_others(call, quoted):
            raise invalid(f"quoted message {quoted_id} does not exist in this channel")
        message.quoted_message_id = quoted_id


def require_change(call: Call, message: Message, user: User | None, action: str) -> None:
    """403 unless the caller may `update` or `delete` the message."""
    if call.actor.is_server:
        return
    channel = channel_of(call, message)
    author = people.acting_user(call) if user is None else user
    own = message.user_id == author.id
    require(call, channel, author, f"{action}-{'own' if own else 'any'}-message")


def require_marks(
    call: Call, channel: Channel, user: User, fields: Mapping[str, Any], before: Message | None = None
) -> None:
    """403 unless the user may pin, and say who alone sees a message; in an edit, where these change."""
    pinned = before is not None and before.pinned
    if "pinned" in fields and bool(fields["pinned"]) is not pinned:
        require(call, channel, user, "pin-message")
    visible_to = before.restricted_visibility if before is not None else None
    if "restricted_visibility" in fields and (fields["restricted_visibility"] or None) != (visible_to or None):
        require(call, channel, user, "send-restricted-visibility-message")
