"""Settling appeals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.errors import invalid
from framework.sandbox.model.review import APPEALS, REVIEW_ITEMS, Appeal
from framework.sandbox.services import decisions

if TYPE_CHECKING:
    from framework.sandbox.call import Call
    from framework.sandbox.model.user import User

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
