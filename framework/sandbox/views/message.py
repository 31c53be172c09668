"""Messages, attachments and reactions as clients see them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from framework.sandbox.model.channel import MEMBERS, pair
from framework.sandbox.model.location import LOCATIONS, Location
from framework.sandbox.model.message import (
    ATTACHMENT_FIELDS,
    MESSAGES,
    REACTIONS_TO,
    TIMELINES,
    Message,
    Reaction,
)
from framework.sandbox.model.poll import POLLS
from framework.sandbox.model.reminder import REMINDERS, Reminder
from framework.sandbox.views.poll import poll_view
from framework.sandbox.views.user import user_by_id
from framework.sandbox.wire import Dialect, Entity

if TYPE_CHECKING:
    from framework.sandbox.sandbox import Sandbox

LATEST_REACTIONS = 10
_OPTIONAL = (
    "parent_id", "quoted_message_id", "poll_id", "mml", "command", "args", "deleted_at", "message_text_updated_at",
    "i18n", "moderation",
)  # fmt: skip


def message_view(sandbox: Sandbox, message: Message, viewer_id: str | None = None, *, quoting: bool = True) -> Entity:
    """A message as `viewer_id` sees it; `quoting` embeds the quoted message."""
    fields: dict[str, Any] = {
        "id": message.id,
        "text": message.text,
        "html": message.html,
        "type": message.type,
        "cid": message.cid,
        "user": user_by_id(sandbox, message.user_id),
        "attachments": [Entity(item["fields"], item["custom"]) for item in message.attachments],
        "mentioned_users": [user_by_id(sandbox, user_id) for user_id in message.mentioned_user_ids],
        "mentioned_channel": message.mentioned_channel,
        "mentioned_here": message.mentioned_here,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
        "shadowed": message.shadowed,
        "silent": message.silent,
        "pinned": message.pinned,
        # Clients look these up without asking whether they are there: null where the message is not pinned.
        "pinned_at": message.pinned_at,
        "pinned_by": user_by_id(sandbox, message.pinned_by_id) if message.pinned_by_id is not None else None,
        "pin_expires": message.pin_expires,
        "restricted_visibility": message.restricted_visibility,
    }
    for name in _OPTIONAL:
        value = getattr(message, name)
        if value is not None:
            fields[name] = value
    _add_reactions(sandbox, message, viewer_id, fields)
    _add_thread(sandbox, message, fields)
    _add_relations(sandbox, message, viewer_id, fields, quoting=quoting)
    return Entity(fields, message.custom)


def _add_relations(
    sandbox: Sandbox, message: Message, viewer_id: str | None, fields: dict[str, Any], *, quoting: bool
) -> None:
    member = sandbox.store[MEMBERS].get(pair(message.cid, message.user_id))
    if member is not None:
        fields["member"] = {
            "channel_role": member.channel_role,
            "notifications_muted": member.notifications_muted,
        }
    if message.mentioned_roles:
        fields["mentioned_roles"] = message.mentioned_roles
    if message.mentioned_group_ids:
        fields["mentioned_group_ids"] = message.mentioned_group_ids
    _add_extras(sandbox, message, viewer_id, fields)
    if viewer_id is not None:
        _add_own(sandbox, message, viewer_id, fields)
    if quoting and message.quoted_message_id is not None:
        quoted = sandbox.store[MESSAGES].get(message.quoted_message_id)
        if quoted is not None:
            fields["quoted_message"] = message_view(sandbox, quoted, viewer_id, quoting=False)


def _add_extras(sandbox: Sandbox, message: Message, viewer_id: str | None, fields: dict[str, Any]) -> None:
    """The command that a message was, and the poll or the location that it shares."""
    if message.command is not None:
        fields["command_info"] = {"name": message.command}
    if message.poll_id is not None:
        poll = sandbox.store[POLLS].get(message.poll_id)
        if poll is not None:
            fields["poll"] = poll_view(sandbox, poll, viewer_id)
    if message.shared_location:
        location = sandbox.store[LOCATIONS].get(message.id)
        if location is not None:
            fields["shared_location"] = location_fields(location)


def _add_own(sandbox: Sandbox, message: Message, viewer_id: str, fields: dict[str, Any]) -> None:
    """What a message is to one user only."""
    if viewer_id in message.deleted_for:
        fields["deleted_for_me"] = True
    reminder = sandbox.store[REMINDERS].get(pair(message.id, viewer_id))
    if reminder is not None:
        fields["reminder"] = reminder_fields(reminder)


def reminder_fields(reminder: Reminder) -> dict[str, Any]:
    """A reminder without what it leads to."""
    fields: dict[str, Any] = {
        "channel_cid": reminder.cid,
        "message_id": reminder.message_id,
        "user_id": reminder.user_id,
        "created_at": reminder.created_at,
        "updated_at": reminder.updated_at,
    }
    if reminder.remind_at is not None:
        fields["remind_at"] = reminder.remind_at
    return fields


def location_fields(location: Location) -> dict[str, Any]:
    """A shared location; one without `end_at` is a place that does not move."""
    fields: dict[str, Any] = {
        "channel_cid": location.cid,
        "message_id": location.message_id,
        "user_id": location.user_id,
        "created_at": location.created_at,
        "updated_at": location.updated_at,
        "latitude": location.latitude,
        "longitude": location.longitude,
        "created_by_device_id": location.created_by_device_id,
    }
    if location.end_at is not None:
        fields["end_at"] = location.end_at
    return fields


def _add_thread(sandbox: Sandbox, message: Message, fields: dict[str, Any]) -> None:
    replies = sandbox.store.index(TIMELINES).replies(message.id)
    if message.parent_id is not None:
        fields["show_in_channel"] = message.show_in_channel
    fields["reply_count"] = fields["deleted_reply_count"] = 0
    if replies:
        shown = [reply for reply in replies if not reply.pending]
        alive = [reply for reply in shown if reply.deleted_at is None]
        fields["reply_count"] = len(alive)
        fields["deleted_reply_count"] = len(shown) - len(alive)
        people = dict.fromkeys(reply.user_id for reply in alive)
        fields["thread_participants"] = [user_by_id(sandbox, user_id) for user_id in people]


def _add_reactions(sandbox: Sandbox, message: Message, viewer_id: str | None, fields: dict[str, Any]) -> None:
    index = sandbox.store.index(REACTIONS_TO)
    reactions = index.of(message.id) if index.count(message.id) else []
    fields["latest_reactions"] = fields["own_reactions"] = []
    counts: dict[str, int] = {}
    scores: dict[str, int] = {}
    fields["reaction_counts"], fields["reaction_scores"] = counts, scores
    if not reactions:
        return
    newest = sorted(reactions, key=lambda reaction: reaction.created_at, reverse=True)
    fields["latest_reactions"] = [reaction_view(sandbox, item) for item in newest[:LATEST_REACTIONS]]
    if viewer_id is not None:
        own = [item for item in newest if item.user_id == viewer_id]
        fields["own_reactions"] = [reaction_view(sandbox, item) for item in own[:LATEST_REACTIONS]]
    for item in reactions:
        counts[item.type] = counts.get(item.type, 0) + 1
        scores[item.type] = scores.get(item.type, 0) + item.score
    fields["reaction_groups"] = {kind: _group(sandbox, kind, reactions) for kind in counts}


def _group(sandbox: Sandbox, kind: str, reactions: list[Reaction]) -> dict[str, Any]:
    members = [item for item in reactions if item.type == kind]
    newest = sorted(members, key=lambda item: item.created_at, reverse=True)[:5]
    return {
        "count": len(members),
        "sum_scores": sum(item.score for item in members),
        "first_reaction_at": min(item.created_at for item in members),
        "last_reaction_at": max(item.created_at for item in members),
        "latest_reactions_by": [
            {"user_id": item.user_id, "created_at": item.created_at, "user": user_by_id(sandbox, item.user_id)}
            for item in newest
        ],
    }


def reaction_view(sandbox: Sandbox, reaction: Reaction) -> Entity:
    """A reaction with its user."""
    view = reaction.view()
    view.fields["user"] = user_by_id(sandbox, reaction.user_id)
    return view


def take_attachment(dialect: Dialect, raw: object) -> dict[str, Any]:
    """An attachment as stored."""
    taken = dialect.take(raw, ATTACHMENT_FIELDS, "attachment")
    return {"fields": taken.fields, "custom": taken.custom}


def render_html(text: str) -> str:
    """The `html` of a plain text: escaped, one paragraph."""
    return f"<p>{html.escape(text, quote=False)}</p>\n" if text else ""
