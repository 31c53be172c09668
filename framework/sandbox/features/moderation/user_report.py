"""What a moderator may want to know of one user, as the JavaScript client asks for it."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.mutes import rules as mutes
from framework.sandbox.chat.mutes.records import BLOCKS_BY
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.features.moderation import reports
from framework.sandbox.features.moderation.flag import USER
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("moderation_reports")


@DOMAIN.operation(
    "GetUserModerationReport", "GET", None, v2="/api/v2/moderation/user_report", access=Access.SERVER, status=200
)  # fmt: skip
def get_user_moderation_report(call: Call) -> Result:
    """A user with whom it blocks and mutes; puts it in the review queue when asked to."""
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
        reports.item_for(call, USER, user.id, user.id)
    return report


FEATURE = Feature(operations=(DOMAIN,))
