"""Sending messages, and letting pending ones be seen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERS, pair
from framework.sandbox.chat.feature import FEATURES, Feature
from framework.sandbox.chat.messages import pins
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view, pending_metadata
from framework.sandbox.chat.permissions.rules import capabilities, config_of, require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.wire import Input

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("sending")


@DOMAIN.operation("SendMessage", "POST", "/channels/{type}/{id}/message")
def send_message(call: Call) -> Result | Awaitable[Result]:
    """Post a message. A client's own id makes a repeated send a 400."""
    channel = channels.find(call)
    taken = service.take_message(call, call.body.get("message"))
    user = people.acting_user(call, taken.fields)
    _require_send(call, channel, taken, user)
    message = service.compose(call, channel, taken, user)
    features = call.sandbox[FEATURES]
    for screen in features.screen:
        answer = screen(call, channel, message, user)
        if answer is not None:
            return {"message": message_view(call.sandbox, answer, user.id)}
    _hold_back(call, channel, message)
    for ask in features.ask:
        question = ask(call, channel, message, user)
        if question is not None:
            return _after_question(call, question, message, user)
    return _post(call, channel, message, user)


async def _after_question(call: Call, question: Awaitable[bool], message: Message, user: User) -> Result:
    """Post a message that the app's backend let pass, as it changed it; one that it refused is not stored."""
    if not await question:
        return {"message": message_view(call.sandbox, message, user.id)}
    return _post(call, channels.find(call), message, user)


def _post(call: Call, channel: Channel, message: Message, user: User) -> Result:
    keep_hidden = call.flag("keep_channel_hidden", call.body)
    skip_push = call.flag("skip_push", call.body)
    service.deliver(call, channel, message, user, keep_hidden=keep_hidden, skip_push=skip_push)
    if message.pinned:
        pins.plan(call, message)
    result = {"message": message_view(call.sandbox, message, user.id), **pending_metadata(message)}
    return result | _context(call, channel, message)


def _context(call: Call, channel: Channel, message: Message) -> dict[str, Any]:
    """What a send may ask to be told beside its message: the channel, and which mentioned users are its members."""
    told: dict[str, Any] = {}
    if call.flag("include_channel_context", call.body):
        told["channel_context"] = {"id": channel.id, "type": channel.type, "cid": channel.cid}
        if channel.created_by_id is not None:
            told["channel_context"]["created_by"] = user_by_id(call.sandbox, channel.created_by_id)
    if call.flag("include_mentioned_members", call.body):
        members = call.store[MEMBERS]
        told["mentioned_members"] = {name: pair(channel.cid, name) in members for name in message.mentioned_user_ids}
    return told


def _require_send(call: Call, channel: Channel, taken: Input, user: User) -> None:
    """400 or 403 unless the user may post this here and now."""
    fields = taken.fields
    is_reply = bool(fields.get("parent_id"))
    if is_reply:
        require_feature(call, channel, "replies")
    if fields.get("quoted_message_id"):
        require_feature(call, channel, "quotes")
    require(call, channel, user, "send-reply" if is_reply else "send-message")
    service.require_marks(call, channel, user, fields)
    if not call.actor.is_server and "slow-mode" in capabilities(call.sandbox, channel, user):
        _require_pause(call, channel, user)


def _require_pause(call: Call, channel: Channel, user: User) -> None:
    """403 code 60 while the user's last message is younger than the channel's cooldown."""
    since = call.now - timedelta(seconds=channel.cooldown)
    for message in reversed(call.store.index(TIMELINES).channel(channel.cid)):
        if message.created_at <= since:
            return
        if message.user_id == user.id:
            raise ApiError(403, 60, f"slow mode: wait {channel.cooldown} seconds between messages")


def _hold_back(call: Call, channel: Channel, message: Message) -> None:
    """Keep a message pending where a server asks for it, or where the channel's type has all wait."""
    if call.actor.is_server:
        message.pending = call.flag("pending", call.body)
    message.pending = message.pending or config_of(call.sandbox, channel).get("mark_messages_pending") is True
    metadata = call.mapping("pending_message_metadata", call.body)
    if any(not isinstance(value, str) for value in metadata.values()):
        raise invalid("pending_message_metadata must map names to texts")
    message.pending_message_metadata = metadata or None


@DOMAIN.operation("CommitMessage", "POST", "/messages/{id}/commit", access=Access.SERVER)
def commit_message(call: Call) -> Result:
    """Let a pending message be seen."""
    message = service.find(call, call.path["id"])
    if not message.pending:
        raise invalid(f"message {message.id} is not pending")
    channel = service.channel_of(call, message)
    user = people.existing(call, message.user_id)
    message.pending = False
    call.store[MESSAGES].put(message)
    service.release(call, channel, message, user)
    return {"message": message_view(call.sandbox, message), **pending_metadata(message)}


FEATURE = Feature(operations=(DOMAIN,))
