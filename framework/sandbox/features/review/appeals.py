"""Appeals against decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.users import people
from framework.sandbox.features.moderation import hook_events
from framework.sandbox.features.review import decisions
from framework.sandbox.features.review.record import APPEALS, REVIEW_ITEMS, REVIEW_OF, Appeal
from framework.sandbox.features.review.view import appeal_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, forbidden, invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import field_value, listed

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

ACTIONS = ("mark_reviewed", "reject_appeal", "restore", "unban", "unblock")


def settle(call: Call, appeal: Appeal, kind: str, by: User | None) -> None:
    """Accept an appeal by doing what it asks for, or reject it. Raises ApiError 400 for one that is settled."""
    if kind not in ACTIONS:
        raise invalid(f"action_type must be one of [{', '.join(ACTIONS)}] for an appeal")
    if appeal.status != "submitted":
        raise invalid(f"the appeal is already {appeal.status}")
    options = call.mapping(kind, call.body)
    reason = (
        call.required_text("decision_reason", options) if kind == "reject_appeal" else options.get("decision_reason")
    )
    item = call.store[REVIEW_ITEMS].get(appeal.item_id)
    if item is not None and kind != "reject_appeal":
        decisions.decide(call, item, kind, by)
    appeal.status = "rejected" if kind == "reject_appeal" else "accepted"
    appeal.decision_reason, appeal.updated_at = reason, call.now
    call.store[APPEALS].put(appeal)
    hook_events.appealed(call, appeal)


DOMAIN = Domain("appeals")
_ROOT = "/api/v2/moderation"
MAX_AT_ONCE = 100


@DOMAIN.operation("Appeal", "POST", None, v2=f"{_ROOT}/appeal")
def appeal(call: Call) -> Result:
    """Appeal against what was decided about an entity."""
    user = people.acting_user(call)
    names = ("appeal_reason", "entity_id", "entity_type")
    reason, entity_id, entity_type = (call.required_text(name, call.body) for name in names)
    item = call.store.index(REVIEW_OF).of(entity_type, entity_id)
    if any((one.user_id, one.entity_type, one.entity_id) == (user.id, entity_type, entity_id)
           and one.status == "submitted" for one in call.store[APPEALS]):  # fmt: skip
        raise invalid("an appeal for this entity is already submitted")
    made = Appeal(call.sandbox.ids.new(), user.id, entity_type, entity_id, reason, call.now, call.now)
    made.attachments = call.texts("attachments", call.body)
    made.item_id = item.id if item is not None else call.text("review_queue_item_id", call.body) or ""
    call.store[APPEALS].put(made)
    hook_events.appealed(call, made)
    return {"appeal_id": made.id}


@DOMAIN.operation("GetAppeal", "GET", None, v2=f"{_ROOT}/appeal/{{id}}")
def get_appeal(call: Call) -> Result:
    """One appeal; a person sees its own."""
    found = call.store[APPEALS].get(call.path["id"])
    if found is None:
        raise not_found(f"appeal with id {call.path['id']} not found")
    if not call.actor.is_server and found.user_id != call.actor.user_id:
        raise forbidden("this is another user's appeal")
    return {"item": appeal_view(call.sandbox, found)}


@DOMAIN.operation("QueryAppeals", "POST", None, v2=f"{_ROOT}/appeals", status=200)
def query_appeals(call: Call) -> Result:
    """Find appeals; a person its own."""
    visible = [one for one in call.store[APPEALS] if call.actor.is_server or one.user_id == call.actor.user_id]
    found = listed(call, visible, field_value)
    return {"items": [appeal_view(call.sandbox, one) for one in found.items], **found.cursors()}


@DOMAIN.operation(
    "BulkActionAppeals", "POST", None, v2=f"{_ROOT}/appeals/bulk_action", access=Access.SERVER, status=200
)
def bulk_action(call: Call) -> Result:
    """Settle several appeals; each fails by itself."""
    ids, kind = call.texts("appeal_ids", call.body), call.required_text("action_type", call.body)
    if not 0 < len(ids) <= MAX_AT_ONCE:
        raise invalid(f"appeal_ids must hold 1 to {MAX_AT_ONCE} items")
    if kind not in ACTIONS:
        raise invalid(f"action_type must be one of [{', '.join(ACTIONS)}]")
    by = people.acting_user_or_none(call)
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for appeal_id in dict.fromkeys(ids):
        found = call.store[APPEALS].get(appeal_id)
        try:
            if found is None:
                raise not_found(f"appeal with id {appeal_id} not found")
            settle(call, found, kind, by)
        except ApiError as error:
            errors.append({"appeal_id": appeal_id, "error": error.reason})
        else:
            results.append({"appeal_id": appeal_id, "appeal_item": appeal_view(call.sandbox, found)})
    return {"results": results, "errors": errors}


FEATURE = Feature(operations=(DOMAIN,))
