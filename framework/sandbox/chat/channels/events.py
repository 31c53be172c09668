"""Events that clients send: typing, AI states, custom ones; and watching."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import Channel
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.mutes import rules as relations
from framework.sandbox.chat.permissions.rules import require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import User
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.realtime.event import Audience, Event, to_users, to_watchers

DOMAIN = Domain("events")
TYPING = frozenset({"typing.start", "typing.stop"})
AI_STATES = frozenset({"ai_indicator.update", "ai_indicator.clear", "ai_indicator.stop"})
_OWN = ("message.", "reaction.", "channel.", "member.", "notification.", "user.", "health.", "connection.", "poll.")
EVENT_INPUT = frozenset({"type", "user", "user_id", "parent_id", "message_id", "ai_state", "ai_message", "cid"})
MAX_EVENT_BYTES = 5 * 1024


@DOMAIN.operation("SendEvent", "POST", "/channels/{type}/{id}/event")
def send_event(call: Call) -> Result:
    """Send an event to those who watch a channel. Nothing is stored."""
    channel = channels.find(call)
    taken = call.take(call.mapping("event", call.body), EVENT_INPUT, "event")
    kind = call.required_text("type", taken.fields)
    user = people.acting_user(call, taken.fields)
    if kind == "message.read":
        from framework.sandbox.chat.reads.operations import mark_read

        return mark_read(call)
    _check_kind(call, channel, kind, user)
    channels.check_custom(call, taken.custom, "event")
    payload: dict[str, Any] = {"user": user_view(call.sandbox, user)}
    for name in ("parent_id", "message_id", "ai_state", "ai_message"):
        value = call.text(name, taken.fields)
        if value is not None:
            payload[name] = value
    event = to_watchers(kind, call.now, channel.cid, payload)
    event.custom = taken.custom
    if kind not in TYPING or relations.shares(call.sandbox, user.id, "typing_indicators"):
        call.emit(event)
    return {"event": event.body()}


def _check_kind(call: Call, channel: Channel, kind: str, user: User) -> None:
    if kind in TYPING:
        require_feature(call, channel, "typing_events")
        require(call, channel, user, "send-typing-events")
    elif kind in AI_STATES:
        # A person presses stop with the right to write; a bot announces its state with the same.
        require(call, channel, user, "send-message")
    elif kind.startswith(_OWN):
        raise ApiError(400, 18, f'event.type "{kind}" is reserved and cannot be sent')
    else:
        require_feature(call, channel, "custom_events")
        require(call, channel, user, "send-custom-events")


@DOMAIN.operation("SendUserCustomEvent", "POST", "/users/{user_id}/event", access=Access.SERVER)
def send_user_custom_event(call: Call) -> Result:
    """Send a custom event to all connections of one user."""
    taken = call.take(call.mapping("event", call.body), frozenset({"type"}), "event")
    kind = call.required_text("type", taken.fields)
    if kind.startswith(_OWN) or kind in TYPING:
        raise ApiError(400, 18, f'event.type "{kind}" is reserved and cannot be sent')
    target = people.existing(call, call.path["user_id"])
    event = to_users(kind, call.now, (target.id,), {})
    event.custom = taken.custom
    call.emit(event)
    return {}


@DOMAIN.operation("StopWatchingChannel", "POST", "/channels/{type}/{id}/stop-watching", v2=None)
def stop_watching(call: Call) -> Result:
    """Let the call's connection stop watching a channel."""
    channel = channels.find(call)
    user = people.acting_user(call)
    connection_id = call.query.get("connection_id") or call.body.get("connection_id")
    connection = call.sandbox.hub.connection(connection_id) if isinstance(connection_id, str) else None
    if connection is None or connection.user_id != user.id:
        raise invalid("connection_id of a live connection of the user is required")
    if call.sandbox.hub.unwatch(channel.cid, connection):
        payload = {
            "cid": channel.cid,
            "channel_id": channel.id,
            "channel_type": channel.type,
            "user": user_view(call.sandbox, user),
            "watcher_count": call.sandbox.hub.watcher_count(channel.cid),
        }
        call.emit(Event("user.watching.stop", call.now, payload, Audience(watching=channel.cid), channel.cid))
    return {}


FEATURE = Feature(operations=(DOMAIN,))
