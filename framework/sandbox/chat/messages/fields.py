"""What a client may set on a message: its text, attachments, mentions, marks and pin, checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.messages.view import render_html, take_attachment
from framework.sandbox.chat.permissions.rules import config_of
from framework.sandbox.chat.users import people
from framework.sandbox.kernel.errors import invalid, too_long
from framework.sandbox.kernel.wire import parse_time

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Input

MAX_ATTACHMENTS = 30
MAX_PIN_S = 100 * 365 * 24 * 3600


def apply(call: Call, channel: Channel, message: Message, taken: Input) -> None:
    """Set what a client may set on a new or existing message. Checks everything first."""
    fields = taken.fields
    custom = {**message.custom, **taken.custom}
    channels.check_custom(call, custom, "message")
    changes = {**_content(call, channel, fields), **_marks(call, fields), **_server_fields(call, fields)}
    if "pinned" in fields:
        changes |= _pin_changes(call, message, fields)
    for name, value in changes.items():
        setattr(message, name, value)
    message.custom = custom


def _content(call: Call, channel: Channel, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Text, attachments and who is mentioned."""
    changes: dict[str, Any] = {}
    if "text" in fields:
        changes["text"] = check_text(call, channel, fields["text"])
        changes["html"] = render_html(changes["text"])
    if "attachments" in fields:
        changes["attachments"] = take_attachments(call, fields["attachments"])
    if "mentioned_users" in fields:
        changes["mentioned_user_ids"] = _mentions(call, fields["mentioned_users"])
    for name in ("mentioned_roles", "mentioned_group_ids", "restricted_visibility"):
        if name in fields:
            changes[name] = call.texts(name, fields)
    return changes


def _marks(call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the switches and references beside the content."""
    changes: dict[str, Any] = {}
    for name in ("silent", "mentioned_channel", "mentioned_here"):
        if name in fields:
            changes[name] = call.flag(name, fields)
    if "mml" in fields:
        changes["mml"] = call.text("mml", fields)
    return changes


def _server_fields(call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only a server may set. From a person it is ignored, as the service does."""
    changes: dict[str, Any] = {}
    if call.actor.is_server:
        html = call.text("html", fields)
        if html:
            changes["html"] = html
        if fields.get("i18n") is not None:
            changes["i18n"] = call.mapping("i18n", fields)
    return changes


def check_text(call: Call, channel: Channel, text: object) -> str:
    """Return a message text within the channel type's limit. Raises ApiError 400, code 20 when it is too long."""
    if text is None:
        return ""
    if not isinstance(text, str):
        raise invalid("message.text must be a string")
    limit = config_of(call.sandbox, channel).get("max_message_length", 5000)
    if len(text) > limit:
        raise too_long(f"message.text must be a maximum of {limit} characters in length, it has {len(text)}")
    return text


def take_attachments(call: Call, raw: object) -> list[dict[str, Any]]:
    """Attachments as stored. Raises ApiError 400 when there are too many."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise invalid("message.attachments must be a list")
    if len(raw) > MAX_ATTACHMENTS:
        raise invalid(f"message.attachments may hold at most {MAX_ATTACHMENTS} attachments")
    return [take_attachment(call.dialect, item) for item in raw]


def _mentions(call: Call, raw: object) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise invalid("message.mentioned_users must be a list of user ids")
    return list(dict.fromkeys(people.mention(call, item).id for item in raw))


def _pin_changes(call: Call, message: Message, fields: Mapping[str, Any]) -> dict[str, Any]:
    pinned = call.flag("pinned", fields)
    if not pinned:
        return {"pinned": False, "pinned_at": None, "pinned_by_id": None, "pin_expires": None}
    user = people.acting_user_or_none(call, fields)
    given = fields.get("pinned_at")
    return {
        "pinned": True,
        "pinned_at": parse_time(given, "pinned_at") if given else message.pinned_at or call.now,
        "pinned_by_id": message.pinned_by_id or (user.id if user else message.user_id),
        "pin_expires": _pin_expiry(call, fields.get("pin_expires")),
    }


def _pin_expiry(call: Call, value: object) -> datetime | None:
    if value is None or value == "":
        return None
    # The Python SDK documents seconds from now for pins; everyone else sends a time.
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 10**12:
        if abs(value) > MAX_PIN_S:
            raise invalid(f"pin_expires must be at most {MAX_PIN_S} seconds away")
        return call.now + timedelta(seconds=value)
    return parse_time(value, "pin_expires")
