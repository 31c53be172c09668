"""Flags: report, take back, query, review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.features.moderation import reports
from framework.sandbox.features.moderation.records import FLAG_REVIEWS, FLAGS, MESSAGE, USER, Flag, FlagReview
from framework.sandbox.features.review.record import REVIEW_ITEMS, ReviewItem
from framework.sandbox.features.review.view import flag_view, message_flag_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.filters import select
from framework.sandbox.kernel.query.paging import field_value, listed
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("flags")


@DOMAIN.operation("Flag", "POST", "/moderation/flag", v2="/api/v2/moderation/flag")
def flag(call: Call) -> Result:
    """Report a message, a user, or something of the app's own."""
    user = people.acting_user(call)
    entity_type, entity_id, creator_id = _entity(call, user)
    reason, custom = call.text("reason", call.body), call.mapping("custom", call.body)
    payload = call.mapping("moderation_payload", call.body)
    message = call.store[MESSAGES].get(entity_id) if entity_type == MESSAGE else None
    text = message.text if message is not None else ""
    made = reports.flag(
        call, user.id, entity_type, entity_id, entity_creator_id=creator_id, reason=reason, custom=custom,
        original_text=text,
    )  # fmt: skip
    if payload:
        item = call.store[REVIEW_ITEMS].get(made.item_id)
        if item is not None:
            item.payload = payload
            call.store[REVIEW_ITEMS].put(item)
    if call.dialect is WireDialect.V2:
        return {"item_id": made.item_id}
    return {"flag": message_flag_view(call.sandbox, made), "review_queue_item_id": made.item_id}


def _entity(call: Call, user: User) -> tuple[str, str, str | None]:
    """Type, id and creator of what is reported: v1 names a message or user, v2 anything."""
    message_id, user_id = call.text("target_message_id", call.body), call.text("target_user_id", call.body)
    entity_type, entity_id = call.text("entity_type", call.body), call.text("entity_id", call.body)
    if message_id or (entity_type == MESSAGE and entity_id):
        message = messages.find(call, message_id or entity_id or "")
        if not call.actor.is_server:
            channels.require_read(call, messages.channel_of(call, message), user)
        return MESSAGE, message.id, message.user_id
    if user_id or (entity_type in reports.USER_TYPES and entity_id):
        target = people.existing(call, user_id or entity_id)
        return entity_type or USER, target.id, target.id
    if not entity_type or not entity_id:
        raise invalid("either target_message_id or target_user_id must be provided")
    return entity_type, entity_id, call.text("entity_creator_id", call.body)


@DOMAIN.operation("PostModerationUnflag", "POST", "/moderation/unflag", v2=None)
def unflag(call: Call) -> Result:
    """Take a report back."""
    user = people.acting_user(call)
    entity_type, entity_id, _ = _entity(call, user)
    mine = next((one for one in reports.flags_to(call, entity_type, entity_id) if one.user_id == user.id), None)
    if mine is None:
        raise not_found("flag not found")
    call.store[FLAGS].remove(mine.key)
    return {"flag": message_flag_view(call.sandbox, mine), "review_queue_item_id": mine.item_id}


@DOMAIN.operation("QueryMessageFlags", "GET", "/moderation/flags/message")
def query_message_flags(call: Call) -> Result:
    """Return the reports of messages; a person sees its own."""
    reporter_id = None if call.actor.is_server else people.acting_user(call).id

    def value_of(one: Flag, name: str) -> Json:
        return _message_flag_value(call, one, name)

    found = [one for one in call.store[FLAGS] if one.entity_type == MESSAGE and _shown(call, one)]
    found = [one for one in found if reporter_id in (None, one.user_id)]
    found = select(found, call.mapping("filter_conditions"), value_of)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", True)], value_of)
    limit, offset = call.number("limit", 100, high=1000), call.number("offset", 0)
    return {"flags": [message_flag_view(call.sandbox, one) for one in found[offset : offset + (limit or 100)]]}


def _shown(call: Call, one: Flag) -> bool:
    message = call.store[MESSAGES].get(one.entity_id)
    return message is not None and (message.deleted_at is None or call.flag("show_deleted_messages"))


def _message_flag_value(call: Call, one: Flag, name: str) -> Json:
    if name == "user_id":
        return one.entity_creator_id
    if name == "reporter_id":
        return one.user_id
    if name == "channel_cid":
        return one.cid
    if name == "is_reviewed":
        return one.reviewed_at is not None
    if name == "team":
        message = call.store[MESSAGES].get(one.entity_id)
        return messages.channel_of(call, message).team if message is not None else None
    return field_value(one, name)


@DOMAIN.operation(
    "QueryModerationFlags", "POST", "/moderation/flags", v2="/api/v2/moderation/flags", access=Access.SERVER, status=200
)
def query_moderation_flags(call: Call) -> Result:
    """Return all reports, of whatever kind."""
    found = listed(
        call, call.store[FLAGS], lambda one, name: one.cid if name == "channel_cid" else field_value(one, name)
    )
    return {"flags": [flag_view(call.sandbox, one) for one in found.items], **found.cursors()}


@DOMAIN.operation("GetFlagCount", "POST", None, v2="/api/v2/moderation/flag_count", access=Access.SERVER, status=200)
def get_flag_count(call: Call) -> Result:
    """How often what a user made was reported."""
    creator_id, kind = call.required_text("entity_creator_id"), call.text("entity_type")
    found = [one for one in call.store[FLAGS] if one.entity_creator_id == creator_id]
    return {"count": sum(1 for one in found if not kind or one.entity_type == kind)}


@DOMAIN.operation("PostModerationReports", "POST", "/moderation/reports", v2=None, access=Access.SERVER, status=200)
def query_flag_reports(call: Call) -> Result:
    """Return the reported messages, each with its reports together."""

    def value_of(item: ReviewItem, name: str) -> Json:
        return _report_value(call, item, name)

    reported = [item for item in call.store[REVIEW_ITEMS] if item.entity_type == MESSAGE]
    reported = [item for item in reported if reports.flags_to(call, item.entity_type, item.entity_id)]
    found = listed(call, reported, value_of, conditions="filter_conditions")
    return {"flag_reports": [_report(call, item) for item in found.items], **found.cursors()}


def _report_value(call: Call, item: ReviewItem, name: str) -> Json:
    """A field of a report under the names that its filters use; `user_id` is whose message was reported."""
    review = call.store[FLAG_REVIEWS].get(item.id)
    if name == "review_result":
        return review.review_result if review is not None else None
    if name == "is_reviewed":
        return review is not None
    if name == "team":
        channel = call.store[CHANNELS].get(item.cid) if item.cid is not None else None
        return channel.team if channel is not None else None
    own = {"report_id": "id", "message_id": "entity_id", "channel_cid": "cid"}
    own |= dict.fromkeys(("user_id", "message_user_id"), "entity_creator_id")
    return field_value(item, own.get(name, name))


@DOMAIN.operation(
    "PatchModerationReports", "PATCH", "/moderation/reports/{id}", v2=None, access=Access.SERVER, status=200
)
def review_flag_report(call: Call) -> Result:
    """Say what a moderator found."""
    item = call.store[REVIEW_ITEMS].get(call.path["id"])
    if item is None:
        raise not_found(f"flag report {call.path['id']} not found")
    user = people.acting_user(call)
    verdict = call.required_text("review_result", call.body)
    details = call.mapping("review_details", call.body)
    call.store[FLAG_REVIEWS].put(FlagReview(item.id, user.id, call.now, verdict, details))
    item.status, item.reviewed_by, item.reviewed_at, item.updated_at = "reviewed", user.id, call.now, call.now
    call.store[REVIEW_ITEMS].put(item)
    for one in reports.flags_to(call, item.entity_type, item.entity_id):
        one.reviewed_at, one.reviewed_by_id = call.now, user.id
        call.store[FLAGS].put(one)
    return {"flag_report": _report(call, item)}


@DOMAIN.operation(
    "PostAutomodV1ModerationUpdateFlags", "POST", "/automod/v1/moderation/update_flags", v2=None, access=Access.SERVER
)
def update_flags(call: Call) -> Result:
    """Mark the reports of messages as reviewed: of those named, or of all that one user wrote."""
    by = people.existing(call, call.required_text("reviewed_by", call.body))
    ids, author = set(call.texts("message_ids", call.body)), call.text("user_id", call.body)
    if not ids and not author:
        raise invalid("either message_ids or user_id must be provided")
    for one in call.store[FLAGS]:
        if one.entity_type == MESSAGE and (one.entity_id in ids or (author and one.entity_creator_id == author)):
            one.reviewed_at, one.reviewed_by_id, one.updated_at = call.now, by.id, call.now
            call.store[FLAGS].put(one)
    return {}


def _report(call: Call, item: ReviewItem) -> dict[str, Any]:
    flags = reports.flags_to(call, item.entity_type, item.entity_id)
    view: dict[str, Any] = {
        "id": item.id,
        "flags_count": len(flags),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
    if flags:
        view["first_reporter"] = user_by_id(call.sandbox, flags[0].user_id)
        view["details"] = {"original_text": flags[0].original_text}
    message = call.store[MESSAGES].get(item.entity_id)
    if message is not None:
        view |= {"message": message_view(call.sandbox, message), "user": user_by_id(call.sandbox, message.user_id)}
    review = call.store[FLAG_REVIEWS].get(item.id)
    if review is not None:
        view["review_result"], view["review_details"] = review.review_result, review.details
        view["reviewed_at"], view["reviewed_by"] = review.created_at, user_by_id(call.sandbox, review.user_id)
    return view


FEATURE = Feature(operations=(DOMAIN,))
