"""The review queue: checks that fill it, its items, what moderators do, and the log of that."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users import people
from framework.sandbox.features.moderation import reports
from framework.sandbox.features.moderation.records import AUTOMOD, BLOCKED, MESSAGE
from framework.sandbox.features.review import decisions
from framework.sandbox.features.review.appeals import settle
from framework.sandbox.features.review.record import ACTIONS, APPEALS, REVIEW_ITEMS, ActionLog, ReviewItem
from framework.sandbox.features.review.setup import ACTION_CONFIGS
from framework.sandbox.features.review.view import action_view, appeal_view, item_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import field_value, listed
from framework.sandbox.kernel.wire import Json

DOMAIN = Domain("review")
_ROOT = "/api/v2/moderation"


@DOMAIN.operation("QueryReviewQueue", "POST", None, v2=f"{_ROOT}/review_queue", access=Access.SERVER, status=200)
def query_review_queue(call: Call) -> Result:
    """Return the items that a filter finds."""
    found = listed(call, call.store[REVIEW_ITEMS], item_value)
    items = [] if call.flag("stats_only") else [item_view(call.sandbox, item) for item in found.items]
    everything = list(call.store[REVIEW_ITEMS])
    stats: dict[str, Any] = {"total": len(everything), "by_status": {}}
    for item in everything:
        stats["by_status"][item.status] = stats["by_status"].get(item.status, 0) + 1
    config: dict[str, list[dict[str, Any]]] = {}
    for one in call.store[ACTION_CONFIGS]:
        config.setdefault(one.entity_type, []).append(one.view().fields)
    return {"items": items, "action_config": config, "stats": stats, **found.cursors()}


def item_value(item: ReviewItem, name: str) -> Json:
    """Return a field of an item, under the names that filters use."""
    if name in ("channel_cid", "cid"):
        return item.cid
    if name in ("reviewed", "is_reviewed"):
        return item.reviewed_at is not None
    return field_value(item, {"user_id": "entity_creator_id"}.get(name, name))


@DOMAIN.operation("GetReviewQueueItem", "GET", None, v2=f"{_ROOT}/review_queue/{{id}}", access=Access.SERVER)
def get_review_queue_item(call: Call) -> Result:
    """One item."""
    return {"item": item_view(call.sandbox, _find(call, call.path["id"]))}


@DOMAIN.operation("SubmitAction", "POST", None, v2=f"{_ROOT}/submit_action", access=Access.SERVER)
def submit_action(call: Call) -> Result:
    """Do what a moderator decided, to an item or to an appeal."""
    kind = call.required_text("action_type", call.body)
    by = people.acting_user_or_none(call)
    appeal_id, item_id = call.text("appeal_id", call.body), call.text("item_id", call.body)
    appeal = call.store[APPEALS].get(appeal_id) if appeal_id else None
    if appeal_id and appeal is None:
        raise not_found(f"appeal with id {appeal_id} not found")
    if appeal is not None:
        settle(call, appeal, kind, by)
        item = call.store[REVIEW_ITEMS].get(appeal.item_id)
        shown = {"item": item_view(call.sandbox, item)} if item is not None else {}
        return {"appeal_item": appeal_view(call.sandbox, appeal), **shown}
    if not item_id:
        raise invalid("either item_id or appeal_id must be provided")
    item = _find(call, item_id)
    decisions.decide(call, item, kind, by)
    return {"item": item_view(call.sandbox, item)}


@DOMAIN.operation("PostModerationUnblockMessage", "POST", "/moderation/unblock_message", v2=None, access=Access.SERVER)
def unblock_message(call: Call) -> Result:
    """Send a message that was held back."""
    message_id = call.required_text("target_message_id", call.body)
    held = call.store[BLOCKED].get(message_id)
    if held is None:
        raise not_found(f"message {message_id} was not blocked")
    sent = decisions.unblock(call, held)
    return {"message": message_view(call.sandbox, sent)}


@DOMAIN.operation("CustomCheck", "POST", None, v2=f"{_ROOT}/custom_check", access=Access.SERVER)
def custom_check(call: Call) -> Result:
    """Report what the app's own check found."""
    entity_type, entity_id = call.required_text("entity_type", call.body), call.required_text("entity_id", call.body)
    flags = call.objects("flags", call.body)
    if not flags:
        raise invalid("flags is a required field")
    kinds = [call.required_text("type", one) for one in flags]
    creator = call.text("entity_creator_id", call.body)
    message = call.store[MESSAGES].get(entity_id) if entity_type == MESSAGE else None
    if entity_type == MESSAGE and message is None:
        raise not_found(f"Message with id {entity_id} not found")
    creator = creator or (message.user_id if message is not None else None)
    user = people.acting_user_or_none(call)
    item = reports.item_for(call, entity_type, entity_id, creator)
    for kind, one in zip(kinds, flags, strict=True):
        fields: dict[str, Any] = {
            "type": kind,
            "entity_creator_id": creator,
            "reason": call.text("reason", one),
            "labels": call.texts("labels", one),
            "custom": call.mapping("custom", one),
        }
        reports.note(call, item, user.id if user is not None else AUTOMOD, fields)
    payload = call.mapping("moderation_payload", call.body)
    item.payload = payload or item.payload
    call.store[REVIEW_ITEMS].put(item)
    return {"id": item.id, "status": "complete", "item": item_view(call.sandbox, item)}


@DOMAIN.operation("QueryModerationLogs", "POST", None, v2=f"{_ROOT}/logs", access=Access.SERVER, status=200)
def query_logs(call: Call) -> Result:
    """What was done, the last first."""
    found = listed(call, call.store[ACTIONS], field_value)
    return {"logs": [action_view(call.sandbox, one, item=True) for one in found.items], **found.cursors()}


@DOMAIN.operation("InsertActionLog", "POST", None, v2=f"{_ROOT}/action_logs", access=Access.SERVER)
def insert_action_log(call: Call) -> Result:
    """Note what was done elsewhere."""
    names = ("action_type", "entity_type", "entity_id", "entity_creator_id")
    kind, entity_type, entity_id, creator = (call.required_text(name, call.body) for name in names)
    call.store[ACTIONS].put(
        ActionLog(
            call.sandbox.ids.new(), kind, call.now,
            user_id=call.text("reporter_user_id", call.body) or "",
            target_user_id=creator,
            entity_type=entity_type,
            entity_id=entity_id,
            reason=call.text("reason", call.body) or "",
            reporter_type=call.text("reporter_type", call.body) or "moderator",
            custom=call.mapping("custom", call.body),
        )
    )  # fmt: skip
    return {}


def _find(call: Call, item_id: str) -> ReviewItem:
    item = call.store[REVIEW_ITEMS].get(item_id)
    if item is None:
        raise not_found(f"review queue item with id {item_id} not found")
    return item


FEATURE = Feature(operations=(DOMAIN,))
