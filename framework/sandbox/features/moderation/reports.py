"""Reports: flags by users and by the automatic checks, the log of actions, and what is known of a user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.mutes import rules as mutes
from framework.sandbox.chat.mutes.records import BLOCKS_BY
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.features.moderation import hook_events
from framework.sandbox.features.moderation.records import AUTOMOD, FLAGS, FLAGS_TO, MESSAGE, USER, Flag
from framework.sandbox.features.review.record import ACTIONS, REVIEW_ITEMS, REVIEW_OF, ActionLog, ReviewItem
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message

USER_TYPES = frozenset({USER, "stream:v1:user_profile", "stream:user_profile"})


def flags_to(call: Call, entity_type: str, entity_id: str) -> list[Flag]:
    """Return the flags of an entity, oldest first."""
    return call.store.index(FLAGS_TO).of(f"{entity_type}/{entity_id}")


def item_for(call: Call, entity_type: str, entity_id: str, creator_id: str | None) -> ReviewItem:
    """Return the queue's item of an entity. Makes a new item if the queue has none for it."""
    item = call.store.index(REVIEW_OF).of(entity_type, entity_id)
    if item is None:
        item = ReviewItem(call.sandbox.ids.new(), entity_type, entity_id, call.now, call.now, creator_id)
        message = call.store[MESSAGES].get(entity_id) if entity_type == MESSAGE else None
        item.cid = message.cid if message is not None else None
    item.updated_at = call.now
    return call.store[REVIEW_ITEMS].put(item)


def flag(
    call: Call, user_id: str, entity_type: str, entity_id: str, *, message: Message | None = None, **fields: Json
) -> Flag:
    """Keep a report and put its entity in the queue. Raises ApiError 400 for a user's second report of one entity."""
    if any(one.user_id == user_id for one in flags_to(call, entity_type, entity_id)):
        raise invalid("flag already exists")
    item = item_for(call, entity_type, entity_id, fields.get("entity_creator_id"))
    return note(call, item, user_id, fields, message)


def note(call: Call, item: ReviewItem, user_id: str, fields: Mapping[str, Any], message: Message | None = None) -> Flag:
    """Keep one more report of what stands in the queue; `fields` are those of a flag. `message` is not stored yet."""
    flag_id, now = call.sandbox.ids.new(), call.now
    made = Flag(flag_id, user_id, item.entity_type, item.entity_id, now, now, item_id=item.id, cid=item.cid, **fields)
    call.store[FLAGS].put(made)
    hook_events.flagged(call, item, made, message)
    return made


def flag_by_automod(call: Call, message: Message, labels: list[str], reason: str, original_text: str) -> Flag:
    """Return the automatic moderation's report of a message."""
    return flag(
        call,
        AUTOMOD,
        MESSAGE,
        message.id,
        message=message,
        type="automod",
        entity_creator_id=message.user_id,
        labels=labels,
        reason=reason,
        original_text=original_text,
    )


def log(call: Call, kind: str, item: ReviewItem | None, by_id: str, reason: str = "", **fields: Json) -> ActionLog:
    """Note what was done, on the item where there is one."""
    entry = ActionLog(call.sandbox.ids.new(), kind, call.now, by_id, reason=reason, **fields)
    if item is not None:
        entry.item_id, entry.entity_type, entry.entity_id = item.id, item.entity_type, item.entity_id
        entry.target_user_id = entry.target_user_id or item.entity_creator_id or ""
        item.latest_moderator_action, item.updated_at = kind, call.now
        call.store[REVIEW_ITEMS].put(item)
    return call.store[ACTIONS].put(entry)


DOMAIN = Domain("moderation_reports")


@DOMAIN.operation(
    "GetUserModerationReport", "GET", None, v2="/api/v2/moderation/user_report", access=Access.SERVER, status=200
)  # fmt: skip
def get_user_moderation_report(call: Call) -> Result:
    """Return a user with whom it blocks and mutes; puts it in the review queue when asked to."""
    user = people.existing(call, call.required_text("user_id"))
    report: dict[str, Any] = {"user": user_view(call.sandbox, user)}
    if call.flag("include_user_blocks"):
        report["user_blocks"] = [
            {
                "blocked_by_user_id": block.user_id,
                "blocked_user_id": block.blocked_user_id,
                "blocked_at": block.created_at,
            }
            for block in call.store.index(BLOCKS_BY).of(user.id)
        ]
    if call.flag("include_user_mutes"):
        report["user_mutes"] = [mutes.mute_view(call.sandbox, mute) for mute in mutes.of(call.sandbox, user.id)]
    if call.flag("create_review_queue_item"):
        item_for(call, USER, user.id, user.id)
    return report


FEATURE = Feature(operations=(DOMAIN,))
