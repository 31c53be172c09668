"""Changes of one membership: role, invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.errors import invalid
from framework.sandbox.model.channel import MEMBERS, Channel, Member, pair
from framework.sandbox.services import channels, people
from framework.sandbox.views.channel import channel_view, member_view

if TYPE_CHECKING:
    from framework.sandbox.call import Call
    from framework.sandbox.model.user import User


def assign(call: Call, channel: Channel, user_id: str, role: object) -> None:
    """Give a member a role; who is made a moderator becomes a member on the way. Raises ApiError 400."""
    member = call.store[MEMBERS].get(pair(channel.cid, user_id))
    if member is None and role == "channel_moderator":
        member = channels.add_members(call, channel, [{"user_id": people.existing(call, user_id).id}], None)[0]
    if member is None:
        raise invalid(f"user {user_id} is not a member of {channel.cid}")
    member.role, member.channel_role = "member", "channel_member"
    channels.set_role(member, role)
    updated(call, channel, member)


def updated(call: Call, channel: Channel, member: Member) -> None:
    """Store a changed membership and tell watchers."""
    member.updated_at = call.now
    call.store[MEMBERS].put(member)
    view = member_view(call.sandbox, member)
    payload = {"member": view, "user": view["user"], "channel": channel_view(call.sandbox, channel)}
    channels.announce(call, "member.updated", channel, payload)


def answer_invite(call: Call, channel: Channel, user: User, *, accept: bool) -> bool:
    """Accept or reject an invitation, and tell the channel; whether that changes anything.

    Raises ApiError 400 where there is none.
    """
    member = call.store[MEMBERS].get(pair(channel.cid, user.id))
    if member is None or not member.invited:
        raise invalid(f"user {user.id} was not invited to {channel.cid}")
    if (member.invite_accepted_at if accept else member.invite_rejected_at) is not None:
        return False
    if accept:
        member.invite_accepted_at, member.invite_rejected_at = call.now, None
    else:
        member.invite_rejected_at = call.now
    updated(call, channel, member)
    kind = "notification.invite_accepted" if accept else "notification.invite_rejected"
    view = member_view(call.sandbox, member)
    payload = {"member": view, "user": view["user"], "channel": channel_view(call.sandbox, channel)}
    channels.announce(call, kind, channel, payload)
    channels.notify_absent(call, kind, channel, payload)
    return True
