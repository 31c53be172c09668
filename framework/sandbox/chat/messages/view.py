"""Messages, attachments and reactions as clients see them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS, pair
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.messages.record import (
    ATTACHMENT_FIELDS,
    MESSAGES,
    REACTIONS_TO,
    TIMELINES,
    Message,
    Reaction,
)
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.wire import Entity, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox

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
    if quoting and message.quoted_message_id is not None:
        quoted = sandbox.store[MESSAGES].get(message.quoted_message_id)
        if quoted is not None and _may_quote(quoted, message, viewer_id):
            fields["quoted_message"] = message_view(sandbox, quoted, viewer_id, quoting=False)


def _may_quote(quoted: Message, message: Message, viewer_id: str | None) -> bool:
    """Whether a quote of a message that only some people see reaches none but them."""
    if not quoted.restricted_visibility:
        return True
    readers = {*quoted.restricted_visibility, quoted.user_id}
    shown_to = {*message.restricted_visibility, message.user_id} if message.restricted_visibility else None
    return viewer_id in readers or (shown_to is not None and shown_to <= readers)


def _add_extras(sandbox: Sandbox, message: Message, viewer_id: str | None, fields: dict[str, Any]) -> None:
    """The command that a message was, what features add, and what it is to one user only."""
    if message.command is not None:
        fields["command_info"] = {"name": message.command}
    for add in sandbox[FEATURES].message_fields:
        fields |= add(sandbox, message, viewer_id)
    if viewer_id is not None and viewer_id in message.deleted_for:
        fields["deleted_for_me"] = True


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
    """Return a reaction with its user."""
    view = reaction.view()
    view.fields["user"] = user_by_id(sandbox, reaction.user_id)
    return view


def take_attachment(dialect: WireDialect, raw: object) -> dict[str, Any]:
    """Return an attachment as stored."""
    taken = dialect.take(raw, ATTACHMENT_FIELDS, "attachment")
    return {"fields": taken.fields, "custom": taken.custom}


def render_html(text: str) -> str:
    """Return the `html` of a plain text: escaped, one paragraph."""
    return f"<p>{html.escape(text, quote=False)}</p>\n" if text else ""


def pending_metadata(message: Message) -> dict[str, Any]:
    """Return what an answer adds for a message that waited: the metadata that it was sent with."""
    return {"pending_message_metadata": message.pending_message_metadata} if message.pending_message_metadata else {}
