"""Members: query, and what a member sets for itself."""

from __future__ import annotations

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERS, MEMBERS_OF, Member, pair
from framework.sandbox.chat.channels.view import channel_view, member_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.sorting import after_cursors, parse_sort, sort
from framework.sandbox.kernel.realtime.event import to_watchers
from framework.sandbox.kernel.wire import Json

DOMAIN = Domain("members")


@DOMAIN.operation("QueryMembers", "GET", "/members")
def query_members(call: Call) -> Result:
    """Return the members of a channel by a filter, sorted and paged."""
    kind = call.required_text("type")
    channel_id = call.text("id")
    if not channel_id:
        ids = [entry["user_id"] for entry in memberships.named_members(call, call.payload.get("members"), "members")]
        channel_id = channels.distinct_id(ids)
    channel = channels.by_cid(call, channels.cid_of(call, kind, channel_id))
    channels.require_read(call, channel, people.acting_user_or_none(call))

    def value_of(member: Member, name: str) -> Json:
        return member_value(call, member, name)

    found = select(call.store.index(MEMBERS_OF).of(channel.cid), call.mapping("filter_conditions"), value_of)
    found = after_cursors(call, found, {"user_id": "user_id", "created_at": "created_at"}, value_of)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", False)], value_of)
    limit, offset = call.number("limit", 100, high=300), call.number("offset", 0)
    return {"members": [member_view(call.sandbox, member) for member in found[offset : offset + (limit or 100)]]}


def member_value(call: Call, member: Member, name: str) -> Json:
    """A member's field by name: its own, its user's, or custom data."""
    user = call.store[USERS].get(member.user_id)
    if name in ("id", "user_id"):
        return member.user_id
    if name in ("name", "user.name"):
        return user.name if user else None
    if name == "user.email":
        return user.custom.get("email") if user else None
    if name == "invite":
        return member_view(call.sandbox, member)["status"]
    if name in ("banned", "shadow_banned", "notifications_muted", "channel_role"):
        return member_view(call.sandbox, member)[name]
    if name == "is_moderator":
        return member.channel_role == "channel_moderator"
    if name == "last_active":
        return user.last_active if user else None
    if name == "joined":
        return not member.invited or member.invite_accepted_at is not None
    if name in Member.names() and name != "custom":
        return getattr(member, name)
    return dig(member.custom, name)


@DOMAIN.operation("UpdateMemberPartial", "PATCH", "/channels/{type}/{id}/member", status=200)
@DOMAIN.operation("UpdateMemberPartial", "PATCH", "/channels/{type}/{id}/member/{user_id}", v2=None, status=200)
def update_member_partial(call: Call) -> Result:
    """Set and unset a member's own data: pinned, archived, custom."""
    channel = channels.find(call)
    user_id = call.path.get("user_id") or people.acting_user(call).id
    if not call.actor.is_server and call.actor.user_id != user_id:
        raise forbidden("a member can only update itself")
    member = call.store[MEMBERS].get(pair(channel.cid, user_id))
    if member is None:
        raise not_found(f"user {user_id} is not a member of {channel.cid}")
    to_set, unset = call.mapping("set", call.body), call.texts("unset", call.body)
    custom = dict(member.custom)
    times = {"pinned": "pinned_at", "archived": "archived_at"}
    for name, value in [*to_set.items(), *((name, None) for name in unset)]:
        if name in times:
            setattr(member, times[name], call.now if value else None)
        elif name == "channel_role":
            call.require_server("changing channel_role")
            memberships.set_role(member, value)
        elif name in Member.names():
            raise invalid(f"{name} cannot be set")
        elif name in unset:
            custom.pop(name, None)
        else:
            custom[name] = value
    member.custom, member.updated_at = custom, call.now
    call.store[MEMBERS].put(member)
    view = member_view(call.sandbox, member)
    payload = {"member": view, "user": view["user"], "channel": channel_view(call.sandbox, channel)}
    call.emit(to_watchers("member.updated", call.now, channel.cid, payload))
    return {"channel_member": view}


FEATURE = Feature(operations=(DOMAIN,))
