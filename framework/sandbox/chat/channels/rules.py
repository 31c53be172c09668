"""Finding, creating and joining channels."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNEL_INPUT, CHANNEL_RESERVED, CHANNELS, MEMBERS_OF, Channel
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.permissions.rules import require, type_of
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.errors import forbidden, invalid, not_found, too_long
from framework.sandbox.kernel.realtime.event import Audience, Event, to_watchers
from framework.sandbox.kernel.wire import Json, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Input

MAX_CHANNEL_ID = 64
MAX_CUSTOM_BYTES = 5 * 1024
_ID = re.compile(r"[\w!-]+", re.ASCII)
_SETTABLE = (
    "team", "frozen", "disabled", "cooldown", "auto_translation_enabled",
    "auto_translation_language", "config_overrides", "filter_tags",
)  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "team": (str,),
    "frozen": (bool,),
    "disabled": (bool,),
    "cooldown": (int,),
    "auto_translation_enabled": (bool,),
    "auto_translation_language": (str,),
    "config_overrides": (dict,),
    "filter_tags": (list,),
}
_EMPTY: dict[str, Any] = {
    "frozen": False,
    "disabled": False,
    "cooldown": 0,
    "auto_translation_enabled": False,
    "auto_translation_language": "",
}


def find(call: Call) -> Channel:
    """The channel that the path names. Raises ApiError 404."""
    return by_cid(call, cid_of(call, call.path["type"], call.path["id"]))


def by_cid(call: Call, cid: str) -> Channel:
    """Return a channel by cid. Raises ApiError 404."""
    channel = call.store[CHANNELS].get(cid)
    if channel is None:
        raise not_found(f"Can't find channel with id {cid}")
    return channel


def cid_of(call: Call, channel_type: str, channel_id: str) -> str:
    """The cid of a type and an id, both checked. Raises ApiError 404 for an unknown type, 400 for a malformed id."""
    type_of(call.sandbox, channel_type)
    if len(channel_id) > MAX_CHANNEL_ID:
        raise too_long(f"channel id must be a maximum of {MAX_CHANNEL_ID} characters in length")
    if not _ID.fullmatch(channel_id):
        raise invalid(f'channel id "{channel_id}" may only contain a-z, 0-9, !, _ and -')
    return f"{channel_type}:{channel_id}"


def distinct_id(user_ids: Iterable[str]) -> str:
    """Return the id of the one channel for exactly these members."""
    digest = hashlib.sha256("\n".join(sorted(set(user_ids))).encode()).hexdigest()
    return f"!members-{digest[:43]}"


def apply(call: Call, channel: Channel, taken: Input) -> None:
    """Set fields and custom data. Raises ApiError 400 before anything changed."""
    checked = {name: check(name, taken.fields[name]) for name in _SETTABLE if name in taken.fields}
    check_custom(call, {**channel.custom, **taken.custom}, "channel")
    for name, value in checked.items():
        setattr(channel, name, value)
    channel.custom = {**channel.custom, **taken.custom}


def check(name: str, value: object) -> Json:
    """Return a channel field's value, checked; None resets it."""
    if value is None:
        return _EMPTY.get(name)
    if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and _TYPES[name] == (int,)):
        raise invalid(f"channel.{name} has the wrong type")
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise invalid(f"channel.{name} must be a list of strings")
    return value


def check_custom(call: Call, custom: Mapping[str, Any], what: str) -> None:
    """Raise ApiError 400 for custom data over 5 KB, and for names that the service uses itself.

    The older API has custom data beside the other fields: a custom `quoted_message` would look like a real one there.
    """
    if not custom:
        return
    if taken := custom.keys() & call.sandbox[FEATURES].reserved(what):
        raise invalid(f"{what} custom data cannot have the names {', '.join(sorted(taken))}: they are reserved")
    if len(WireDialect.V1.encode(custom)) > MAX_CUSTOM_BYTES:
        raise too_long(f"{what} custom data must be at most {MAX_CUSTOM_BYTES} bytes of JSON")


def take_channel(call: Call, raw: Mapping[str, Any]) -> Input:
    """Channel data as a client sends it, without the fields of answers."""
    return call.take({k: v for k, v in raw.items() if k not in CHANNEL_RESERVED}, CHANNEL_INPUT, "data")


def member_ids(call: Call, channel: Channel) -> tuple[str, ...]:
    """Return the members of a channel."""
    return tuple(member.user_id for member in call.store.index(MEMBERS_OF).of(channel.cid))


def require_read(call: Call, channel: Channel, user: User | None) -> None:
    """403 unless the caller may read the channel."""
    if call.actor.is_server:
        return
    if user is None:
        raise forbidden("this channel cannot be read anonymously")
    require(call, channel, user, "read-channel")


def announce(
    call: Call, kind: str, channel: Channel, payload: dict[str, Any], *, only: tuple[str, ...] | None = None
) -> None:
    """Send an event to those who watch a channel; `only` to these users among them."""
    event = to_watchers(kind, call.now, channel.cid, payload)
    event.audience = Audience(watching=channel.cid, only=only) if only is not None else event.audience
    call.emit(event)


def notify_absent(call: Call, kind: str, channel: Channel, payload: dict[str, Json], **event: Json) -> None:
    """Send an event to the members' connections that do not watch a channel."""
    body = {"cid": channel.cid, "channel_id": channel.id, "channel_type": channel.type, **payload}
    audience = Audience(absent_from=channel.cid, users=member_ids(call, channel))
    call.emit(Event(kind, call.now, body, audience, channel.cid, **event))


def updated(call: Call, channel: Channel, user: User | None) -> None:
    """Store a changed channel and tell watchers."""
    channel.updated_at = call.now
    call.store[CHANNELS].put(channel)
    payload: dict[str, Any] = {"channel": channel_view(call.sandbox, channel)}
    if user is not None:
        payload["user"] = user_view(call.sandbox, user)
    announce(call, "channel.updated", channel, payload)
