"""Change the members of a channel by its update: who is in, roles, and invitations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import (
    MEMBERS,
    Channel,
)
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.permissions.capabilities import OPEN_TYPES
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User


def change(call: Call, channel: Channel, user: User | None) -> bool | None:
    """Change members, roles and invitations; False where an invitation was answered so before and nothing is told."""
    body = call.body
    added = memberships.named_members(call, body.get("add_members"), "add_members")
    invited = memberships.named_members(call, body.get("invites"), "invites")
    removed = _removed(body.get("remove_members"))
    roles = memberships.named_members(call, body.get("assign_roles"), "assign_roles")
    raised, lowered = call.texts("add_moderators", body), call.texts("demote_moderators", body)
    if roles or raised or lowered:
        call.require_server("giving members a role")
    memberships.require_plain_members(call, [*added, *invited])
    if user is not None and (added or invited or removed):
        _require_member_change(call, channel, user, added, removed)
    new = memberships.add_members(call, channel, list(added), user)
    if call.flag("hide_history", body) or body.get("hide_history_before"):
        since = call.time("hide_history_before", body) or call.now
        for member in new:
            member.hide_messages_before = since
            call.store[MEMBERS].put(member)
    memberships.add_members(call, channel, list(invited), user, invite=True)
    if removed:
        memberships.remove_members(call, channel, removed, user)
    changes = [(entry["user_id"], entry.get("channel_role")) for entry in roles]
    changes += [(user_id, "channel_moderator") for user_id in raised]
    changes += [(user_id, "channel_member") for user_id in lowered]
    for user_id, role in changes:
        memberships.assign(call, channel, user_id, role)
    if added or removed:
        channels.updated(call, channel, user)
    if user is not None and (body.get("accept_invite") or body.get("reject_invite")):
        return memberships.answer_invite(call, channel, user, accept=bool(body.get("accept_invite")))
    return None


def _require_member_change(
    call: Call, channel: Channel, user: User, added: list[dict[str, Any]], removed: list[str]
) -> None:
    if removed == [user.id] and not added:
        require(call, channel, user, "leave-channel")
    elif not removed and [entry["user_id"] for entry in added] == [user.id] and channel.type in OPEN_TYPES:
        require(call, channel, user, "join-channel")
    else:
        require(call, channel, user, "update-channel-members")


def _removed(raw: object) -> list[str]:
    """The ids of members as a request names them: ids, or objects with `user_id`. Raises ApiError 400."""
    named = raw if isinstance(raw, list) else [] if raw is None else [raw]
    ids = [item.get("user_id") if isinstance(item, Mapping) else item for item in named]
    if not all(isinstance(user_id, str) for user_id in ids):
        raise invalid("remove_members must be a list of user ids")
    return [str(user_id) for user_id in ids]
