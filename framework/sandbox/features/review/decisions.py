"""What moderators do to what stands in the review queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.deletion import DELETIONS, delete_hard, delete_messages, delete_soft
from framework.sandbox.chat.messages.record import MESSAGES, Message
from framework.sandbox.chat.messages.view import render_html
from framework.sandbox.chat.permissions import bans
from framework.sandbox.chat.permissions.ban_status import Ban
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.features.accounts import rules as accounts
from framework.sandbox.features.moderation import hook_events, reports
from framework.sandbox.features.moderation.content_check import set_bypass
from framework.sandbox.features.moderation.records import BLOCKED, FLAGS, MESSAGE
from framework.sandbox.features.review.record import REVIEW_ITEMS, ReviewItem
from framework.sandbox.kernel.errors import invalid

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call

Action = Callable[["Call", ReviewItem, Mapping[str, Any], "User | None"], None]


def decide(call: Call, item: ReviewItem, kind: str, by: User | None) -> None:
    """Do an action to an item, close the item, and note it. Raises ApiError 400 for what cannot be done to it."""
    action = ACTIONS.get(kind)
    if action is None:
        raise invalid(f"action_type {kind} is not an action for {item.entity_type}")
    options = call.mapping(kind, call.body)
    action(call, item, options, by)
    by_id = by.id if by is not None else ""
    reason = str(options.get("reason") or options.get("decision_reason") or "")
    entry = reports.log(call, kind, item, by_id, reason)
    if kind not in ("flag", "escalate"):
        close(call, item, by_id)
    hook_events.queued(call, item, is_new=False, action=entry)
    if kind == "mark_reviewed":
        hook_events.reviewed(call, item)


def close(call: Call, item: ReviewItem, by_id: str) -> None:
    """Mark an item and its flags as reviewed."""
    item.status, item.reviewed_by, item.reviewed_at, item.completed_at = "reviewed", by_id, call.now, call.now
    item.updated_at = call.now
    call.store[REVIEW_ITEMS].put(item)
    for flag in reports.flags_to(call, item.entity_type, item.entity_id):
        flag.reviewed_at, flag.reviewed_by_id, flag.updated_at = call.now, by_id or None, call.now
        call.store[FLAGS].put(flag)


def _nothing(_call: Call, _item: ReviewItem, _options: Mapping[str, Any], _by: User | None) -> None:
    """Only the note and the closing."""


def _target(call: Call, item: ReviewItem, options: Mapping[str, Any]) -> User:
    return people.existing(call, options.get("target_user_id") or item.entity_creator_id)


def _cid(call: Call, item: ReviewItem, options: Mapping[str, Any]) -> str:
    cid = call.text("channel_cid", options)
    if cid and cid not in call.store[CHANNELS]:
        raise invalid(f"channel {cid} does not exist")
    return cid or (item.cid or "" if call.flag("channel_ban_only", options) else "")


def _ban(call: Call, item: ReviewItem, options: Mapping[str, Any], by: User | None) -> None:
    target, cid = _target(call, item, options), _cid(call, item, options)
    timeout = call.number("timeout", 0, high=10 * 365 * 24 * 60, source=options)
    deletion = call.text("delete_messages", options)
    by_id, reason = by.id if by is not None else None, call.text("reason", options)
    shadow, ip_ban = call.flag("shadow", options), call.flag("ip_ban", options)
    bans.impose(call, Ban(target.id, cid, call.now, by_id, reason, bans.expiry(call, timeout), shadow, ip_ban), by)
    if deletion:
        _delete_all(call, target, cid, deletion, by)


def _delete_all(call: Call, target: User, cid: str, how: str, by: User | None) -> None:
    if how not in DELETIONS:
        raise invalid(f"delete_messages must be one of [{', '.join(DELETIONS)}]")
    delete_messages(call, target, cid, how, by)


def _unban(call: Call, item: ReviewItem, options: Mapping[str, Any], by: User | None) -> None:
    bans.lift(call, _target(call, item, options).id, _cid(call, item, options), by)


def _message(call: Call, item: ReviewItem) -> Message:
    message = call.store[MESSAGES].get(item.entity_id) if item.entity_type == MESSAGE else None
    if message is None:
        raise invalid(f"{item.entity_type} {item.entity_id} is not a message that can be acted on")
    return message


def _delete_message(call: Call, item: ReviewItem, options: Mapping[str, Any], by: User | None) -> None:
    message = _message(call, item)
    if call.flag("hard_delete", options):
        delete_hard(call, message, by)
    elif message.deleted_at is None:
        delete_soft(call, message, by)


def _block(call: Call, item: ReviewItem, _options: Mapping[str, Any], by: User | None) -> None:
    if item.entity_type == MESSAGE and item.entity_id in call.store[MESSAGES]:
        _delete_message(call, item, {}, by)


def _shadow(call: Call, item: ReviewItem, _options: Mapping[str, Any], _by: User | None) -> None:
    message = _message(call, item)
    message.shadowed, message.updated_at = True, call.now
    call.store[MESSAGES].put(message)
    unread.recount(call.sandbox, message.cid)
    message_events.publish_gone(call, message)


def restore(call: Call, item: ReviewItem, _options: Mapping[str, Any], by: User | None) -> None:
    """Bring back what was deleted, hidden or held back."""
    if item.entity_type != MESSAGE:
        return
    held = call.store[BLOCKED].get(item.entity_id)
    if held is not None:
        unblock(call, held, by)
        return
    message = _message(call, item)
    message.shadowed, message.deleted_at, message.updated_at = False, None, call.now
    message.type = "reply" if message.parent_id else "regular"
    message.html = message.html or render_html(message.text)
    call.store[MESSAGES].put(message)
    unread.recount(call.sandbox, message.cid)
    message_events.publish_change(call, "message.undeleted", message, by)


def unblock(call: Call, held: Message, by: User | None = None) -> Message:
    """Send a message that was held back."""
    call.store[BLOCKED].remove(held.id)
    held.type = "reply" if held.parent_id else "regular"
    held.created_at = held.updated_at = call.now
    sent = messages.deliver(call, messages.channel_of(call, held), held, people.existing(call, held.user_id))
    hook_events.unblocked(call, sent, by)
    return sent


def _delete_user(call: Call, item: ReviewItem, options: Mapping[str, Any], _by: User | None) -> None:
    mode = accounts.HARD if call.flag("hard_delete", options) else accounts.SOFT
    along = mode if mode == accounts.HARD or call.flag("mark_messages_deleted", options) else None
    conversations = accounts.HARD if call.flag("delete_conversation_channels", options) else None
    accounts.delete(call, _target(call, item, options), mode, messages=along, conversations=conversations)


def _delete_user_messages(call: Call, item: ReviewItem, options: Mapping[str, Any], by: User | None) -> None:
    how = call.required_text("delete_messages", options)
    _delete_all(call, _target(call, item, options), _cid(call, item, options), how, by)


def _escalate(call: Call, item: ReviewItem, options: Mapping[str, Any], by: User | None) -> None:
    item.escalated, item.escalated_at, item.escalated_by = True, call.now, by.id if by is not None else None
    item.escalation = {name: call.text(name, options) or "" for name in ("notes", "priority", "reason")}
    call.store[REVIEW_ITEMS].put(item)


def _deescalate(call: Call, item: ReviewItem, _options: Mapping[str, Any], _by: User | None) -> None:
    item.escalated, item.escalated_at, item.escalated_by, item.escalation = False, None, None, None
    call.store[REVIEW_ITEMS].put(item)


def _flag(call: Call, item: ReviewItem, options: Mapping[str, Any], by: User | None) -> None:
    if by is None:
        raise invalid("a flag needs a user")
    creator, reason = item.entity_creator_id, call.text("reason", options)
    reports.flag(call, by.id, item.entity_type, item.entity_id, entity_creator_id=creator, reason=reason)


def _bypass(call: Call, item: ReviewItem, options: Mapping[str, Any], _by: User | None) -> None:
    set_bypass(call, _target(call, item, options).id, enabled=call.flag("enabled", options, default=True))


ACTIONS: dict[str, Action] = {
    "mark_reviewed": _nothing,
    "custom": _nothing,
    "ban": _ban,
    "unban": _unban,
    "delete_message": _delete_message,
    "delete_user": _delete_user,
    "delete_user_messages": _delete_user_messages,
    "block": _block,
    "shadow_block": _shadow,
    "restore": restore,
    "unblock": restore,
    "escalate": _escalate,
    "de_escalate": _deescalate,
    "flag": _flag,
    "bypass": _bypass,
}
"""By `action_type`. Those on activities, comments and reactions of feeds are not chat's."""
