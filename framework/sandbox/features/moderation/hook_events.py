"""What the app's backend is told of moderation. No client hears these events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.features.moderation.records import FLAGS_TO, MESSAGE
from framework.sandbox.features.review.view import action_view, appeal_view, flag_view, item_view
from framework.sandbox.kernel.realtime.event import to_hooks

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.features.moderation.records import Flag, ModerationRule
    from framework.sandbox.features.review.record import ActionLog, Appeal, ReviewItem
    from framework.sandbox.kernel.call import Call


def flagged(call: Call, item: ReviewItem, flag: Flag, message: Message | None = None) -> None:
    """Tell of a new report, of its entity, and of its place in the review queue. `message` may not be stored yet."""
    total = len(call.store.index(FLAGS_TO).of(f"{item.entity_type}/{item.entity_id}"))
    told: dict[str, Any] = {"user": user_by_id(call.sandbox, flag.user_id), "reason": flag.reason or ""}
    told["total_flags"] = total
    if item.entity_type == MESSAGE:
        message = message or call.store[MESSAGES].get(item.entity_id)
        if message is not None:
            told |= {"message": message_view(call.sandbox, message), "message_id": message.id}
            told["flag"] = flag_view(call.sandbox, flag)
            call.emit(to_hooks("message.flagged", call.now, told, message.cid))
    elif item.entity_id in call.store[USERS]:
        call.emit(to_hooks("user.flagged", call.now, {**told, "target_user": user_by_id(call.sandbox, item.entity_id)}))
    content = {"content_type": item.entity_type, "object_id": item.entity_id}
    call.emit(to_hooks("moderation.flagged", call.now, content))
    queued(call, item, is_new=total == 1)


def queued(call: Call, item: ReviewItem, *, is_new: bool, action: ActionLog | None = None) -> None:
    """Tell of an item of the review queue that is new or was changed."""
    flags = call.store.index(FLAGS_TO).of(f"{item.entity_type}/{item.entity_id}")
    told: dict[str, Any] = {
        "review_queue_item": item_view(call.sandbox, item),
        "flags": [flag_view(call.sandbox, flag) for flag in flags],
    }
    if action is not None:
        told["action"] = action_view(call.sandbox, action)
    kind = "review_queue_item.new" if is_new else "review_queue_item.updated"
    call.emit(to_hooks(kind, call.now, told))


def reviewed(call: Call, item: ReviewItem) -> None:
    """Tell that a moderator looked at an item and left it."""
    told: dict[str, Any] = {"item": item_view(call.sandbox, item)}
    message = call.store[MESSAGES].get(item.entity_id) if item.entity_type == MESSAGE else None
    if message is not None:
        told["message"] = message_view(call.sandbox, message)
    call.emit(to_hooks("moderation.mark_reviewed", call.now, told))


def unblocked(call: Call, message: Message, by: User | None) -> None:
    """Tell that a message that was held back was sent."""
    told: dict[str, Any] = {"message": message_view(call.sandbox, message), "message_id": message.id}
    if by is not None:
        told["user"] = user_by_id(call.sandbox, by.id)
    call.emit(to_hooks("message.unblocked", call.now, told, message.cid))


def appealed(call: Call, appeal: Appeal) -> None:
    """Tell of an appeal that was submitted or settled."""
    kind = {"submitted": "created"}.get(appeal.status, appeal.status)
    call.emit(to_hooks(f"appeal.{kind}", call.now, {"appeal": appeal_view(call.sandbox, appeal)}))


def checked(call: Call, entity_type: str, entity_id: str, recommended: str, item_id: str) -> None:
    """Tell that content was checked and something was found."""
    told = {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "recommended_action": recommended,
        "review_queue_item_id": item_id,
    }
    call.emit(to_hooks("moderation_check.completed", call.now, told))


def rule_triggered(call: Call, rule: ModerationRule, message: Message, actions: list[str]) -> None:
    """Tell that a rule applied to a message."""
    told = {
        "entity_type": MESSAGE,
        "entity_id": message.id,
        "user_id": message.user_id,
        "rule": {"id": rule.id, "name": rule.name, "type": rule.rule_type, "description": rule.description},
        "triggered_actions": actions,
    }
    call.emit(to_hooks("moderation_rule.triggered", call.now, told, message.cid or None))
