"""Flags, review items, appeals and action logs as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.ban_status import BANS_OF
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.chat.users.view import user_by_id, user_view
from framework.sandbox.features.moderation.records import FLAGS, FLAGS_TO, MESSAGE, Flag
from framework.sandbox.features.review.record import ACTIONS_ON, APPEALS, REVIEW_ITEMS, ActionLog, Appeal, ReviewItem
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox

_TIMES = ("reviewed_at", "approved_at", "rejected_at")


def message_flag_view(sandbox: Sandbox, flag: Flag) -> dict[str, Any]:
    """Return a flag of a message or user as `QueryMessageFlags` and `Flag` of v1 show it."""
    view: dict[str, Any] = {
        "created_by_automod": flag.type == "automod",
        "user": user_by_id(sandbox, flag.user_id),
        "created_at": flag.created_at,
        "updated_at": flag.updated_at,
    }
    if flag.entity_type == MESSAGE:
        view["target_message_id"] = flag.entity_id
        message = sandbox.store[MESSAGES].get(flag.entity_id)
        if message is not None:
            view |= {"message": message_view(sandbox, message), "message_user_id": message.user_id}
        if flag.cid is not None:
            view["channel_cid"] = flag.cid
        view["details"] = {"original_text": flag.original_text}
    else:
        view["target_user"] = user_by_id(sandbox, flag.entity_id)
    _add(view, flag, ("reason", *_TIMES))
    if flag.custom:
        view["custom"] = flag.custom
    if flag.reviewed_by_id is not None:
        view["reviewed_by"] = user_by_id(sandbox, flag.reviewed_by_id)
    return view


def flag_view(sandbox: Sandbox, flag: Flag) -> dict[str, Any]:
    """Return a flag as the second moderation API shows it."""
    view: dict[str, Any] = {
        "id": flag.id,
        "type": flag.type,
        "created_by_automod": flag.type == "automod",
        "entity_type": flag.entity_type,
        "entity_id": flag.entity_id,
        "user_id": flag.user_id,
        "user": user_by_id(sandbox, flag.user_id),
        "created_at": flag.created_at,
        "updated_at": flag.updated_at,
        "result": flag.result,
        "labels": flag.labels,
        "custom": flag.custom,
        "review_queue_item_id": flag.item_id,
    }
    _add(view, flag, ("reason", "entity_creator_id"))
    return view


def action_view(sandbox: Sandbox, entry: ActionLog, *, item: bool = False) -> dict[str, Any]:
    """Return an entry of the action log; `item` adds what it was about."""
    view: dict[str, Any] = {
        "id": entry.id,
        "type": entry.type,
        "created_at": entry.created_at,
        "user_id": entry.user_id,
        "target_user_id": entry.target_user_id,
        "reason": entry.reason,
        "reporter_type": entry.reporter_type,
        "custom": entry.custom,
        "ai_providers": [],
    }
    for name, user_id in (("user", entry.user_id), ("target_user", entry.target_user_id)):
        if user_id in sandbox.store[USERS]:
            view[name] = user_by_id(sandbox, user_id)
    about = sandbox.store[REVIEW_ITEMS].get(entry.item_id) if item else None
    if about is not None:
        view["review_queue_item"] = item_view(sandbox, about, actions=False)
    return view


def item_view(sandbox: Sandbox, item: ReviewItem, *, actions: bool = True) -> dict[str, Any]:
    """Return an item of the review queue with its entity, its flags and what was done."""
    flags = sandbox.store.index(FLAGS_TO).of(f"{item.entity_type}/{item.entity_id}")
    creator_id = item.entity_creator_id
    view: dict[str, Any] = {
        "id": item.id,
        "entity_type": item.entity_type,
        "entity_id": item.entity_id,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "status": item.status,
        "recommended_action": item.recommended_action,
        "severity": item.severity,
        "ai_text_severity": "",
        "escalated": item.escalated,
        "flags_count": len(flags),
        "flags": [flag_view(sandbox, flag) for flag in flags],
        "latest_moderator_action": item.latest_moderator_action,
        "reviewed_by": item.reviewed_by,
        "actions": [action_view(sandbox, one) for one in sandbox.store.index(ACTIONS_ON).of(item.id)]
        if actions
        else [],
        "bans": _bans(sandbox, creator_id) if creator_id is not None else [],
        "languages": [],
        "teams": [],
    }
    _add(view, item, ("config_key", "reviewed_at", "completed_at", "escalated_at", "escalated_by", "entity_creator_id"))
    if item.escalation is not None:
        view["escalation_metadata"] = item.escalation
    if item.payload is not None:
        view["moderation_payload"] = item.payload
    creator = sandbox.store[USERS].get(creator_id) if creator_id is not None else None
    if creator is not None:
        shown = user_view(sandbox, creator)
        about = [flag for flag in sandbox.store[FLAGS] if flag.entity_creator_id == creator.id]
        counts = {
            "ban_count": sandbox.store.index(BANS_OF).count(creator.id),
            "flagged_count": len(about),
            "deleted_content_count": 0,
        }
        view["entity_creator"] = Entity({**shown.fields, **counts}, shown.custom, shown.v2)
    message = sandbox.store[MESSAGES].get(item.entity_id) if item.entity_type == MESSAGE else None
    if message is not None:
        view["message"] = message_view(sandbox, message)
    if actions:
        appeal = next((one for one in sandbox.store[APPEALS] if one.item_id == item.id), None)
        if appeal is not None:
            view["appeal"] = appeal_view(sandbox, appeal)
    return view


def _bans(sandbox: Sandbox, user_id: str) -> list[dict[str, Any]]:
    shown = []
    for ban in sandbox.store.index(BANS_OF).of(user_id):
        view: dict[str, Any] = {"created_at": ban.created_at, "shadow": ban.shadow}
        view["user"] = user_by_id(sandbox, user_id)
        _add(view, ban, ("expires", "reason"))
        if ban.cid:
            view["channel_cid"] = ban.cid
            channel = sandbox.store[CHANNELS].get(ban.cid)
            if channel is not None:
                view["channel"] = Entity({"cid": ban.cid, "id": channel.id, "type": channel.type}, channel.custom)
        if ban.banned_by_id is not None:
            view["created_by"] = user_by_id(sandbox, ban.banned_by_id)
        shown.append(view)
    return shown


def appeal_view(sandbox: Sandbox, appeal: Appeal) -> dict[str, Any]:
    """Return an appeal with its user."""
    view: dict[str, Any] = {
        "id": appeal.id,
        "entity_type": appeal.entity_type,
        "entity_id": appeal.entity_id,
        "appeal_reason": appeal.appeal_reason,
        "status": appeal.status,
        "created_at": appeal.created_at,
        "updated_at": appeal.updated_at,
        "attachments": appeal.attachments,
        "user": user_by_id(sandbox, appeal.user_id),
    }
    _add(view, appeal, ("decision_reason",))
    item = sandbox.store[REVIEW_ITEMS].get(appeal.item_id)
    if item is not None:
        view |= {"review_queue_item_id": item.id, "severity": item.severity}
        view["recommended_action"] = item.recommended_action
        view["actions"] = [action_view(sandbox, one) for one in sandbox.store.index(ACTIONS_ON).of(item.id)]
        flags = sandbox.store.index(FLAGS_TO).of(f"{item.entity_type}/{item.entity_id}")
        view["flags"] = [flag_view(sandbox, flag) for flag in flags]
        if item.payload is not None:
            view["entity_content"] = item.payload
        if item.cid is not None:
            view["channel_cid"] = item.cid
    return view


def _add(view: dict[str, Any], record: object, names: tuple[str, ...]) -> None:
    """The fields of a record that have a value."""
    for name in names:
        value = getattr(record, name)
        if value is not None:
            view[name] = value
