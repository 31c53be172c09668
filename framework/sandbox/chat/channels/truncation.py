"""Emptying a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, Channel, pair
from framework.sandbox.chat.channels.removal import remove_messages
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import rules as message_service
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("truncation")


@DOMAIN.operation("TruncateChannel", "POST", "/channels/{type}/{id}/truncate")
def truncate_channel(call: Call) -> Result:
    """Remove a channel's messages up to a time, for everyone or (`member_ids`) for some members only."""
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    if user is not None:
        require(call, channel, user, "delete-channel")
    upto = call.time("truncated_at", call.body) or call.now
    message = call.body.get("message")
    taken = message_service.take_message(call, message) if message else None
    author = user
    if taken is not None and isinstance(message, Mapping):
        author = user or people.acting_user(call, message)
    members = [_member_key(call, channel, user_id) for user_id in call.texts("member_ids", call.body)]
    if members:
        for key in members:
            _hide_before(call, key, upto)
    else:
        _truncate(call, channel, user, upto)
    result: dict[str, Any] = {}
    if taken is not None and author is not None:
        taken.fields["type"] = "system" if call.actor.is_server else None
        posted = message_service.send(call, channel, taken, author)
        posted.type = "system"
        result["message"] = message_view(call.sandbox, posted)
    payload: dict[str, Any] = {"channel": channel_view(call.sandbox, channel), **result}
    if user is not None:
        payload["user"] = user_view(call.sandbox, user)
    channels.announce(call, "channel.truncated", channel, payload)
    channels.notify_absent(call, "notification.channel_truncated", channel, payload)
    return {"channel": channel_view(call.sandbox, channel), **result}


def _truncate(call: Call, channel: Channel, user: User | None, upto: datetime) -> None:
    remove_messages(call, channel, upto)
    channel.truncated_at = upto
    channel.truncated_by_id = user.id if user is not None else None
    channel.updated_at = call.now
    call.store[CHANNELS].put(channel)
    unread.recount(call.sandbox, channel.cid)


def _member_key(call: Call, channel: Channel, user_id: str) -> str:
    key = pair(channel.cid, user_id)
    if key not in call.store[MEMBERS]:
        raise invalid(f"user {user_id} is not a member of {channel.cid}")
    return key


def _hide_before(call: Call, key: str, upto: datetime) -> None:
    member = call.store[MEMBERS].get(key)
    if member is not None:
        member.hide_messages_before = upto
        call.store[MEMBERS].put(member)


FEATURE = Feature(operations=(DOMAIN,))
