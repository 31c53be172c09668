"""Memberships: adding, changing and removing members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBER_INPUT, MEMBERS, READS, Channel, Member, Read, pair
from framework.sandbox.chat.channels.view import channel_view, member_view
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.realtime.event import to_users, to_watchers

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call


MAX_MEMBERS_AT_ONCE = 100


def named_members(call: Call, raw: object, what: str) -> list[dict[str, Any]]:
    """Members as a request names them: ids, or objects with `user_id` or `user`, and a role. All users must exist."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise invalid(f"{what} must be a list")
    if len(raw) > MAX_MEMBERS_AT_ONCE:
        raise invalid(f"{what} cannot contain more than {MAX_MEMBERS_AT_ONCE} members")
    named = []
    for item in raw:
        entry: dict[str, Any] = (
            {"user_id": item} if isinstance(item, str) else dict(item) if isinstance(item, dict) else {}
        )
        user = people.mention(call, entry.get("user") or entry.get("user_id") or entry.get("id"))
        named.append({**entry, "user_id": user.id})
    return named


def require_plain_members(call: Call, named: Iterable[Mapping[str, Any]]) -> None:
    """403 where a person gives somebody a role in a channel: only servers do."""
    for entry in named:
        for name in ("channel_role", "role"):
            if entry.get(name) not in (None, "", "member", "channel_member"):
                call.require_server(f"setting a member's {name}")


def add_members(
    call: Call,
    channel: Channel,
    named: list[Mapping[str, Any]],
    by: User | None,
    *,
    quiet: bool = False,
    invite: bool = False,
) -> list[Member]:
    """Make users members, as far as they are not yet. `quiet`: a new channel, whose watchers need no member.added."""
    added = []
    for entry in named:
        user_id = str(entry["user_id"])
        if pair(channel.cid, user_id) in call.store[MEMBERS]:
            continue
        member = Member(channel.cid, user_id, call.now, call.now, invited=invite)
        set_role(member, entry.get("channel_role") or entry.get("role"))
        member.custom = call.take(entry, MEMBER_INPUT, "members").custom
        if channel.created_by_id == user_id:
            member.role = "owner"
        call.store[MEMBERS].put(member)
        read = Read(channel.cid, user_id, call.now)
        if pair(channel.cid, user_id) not in call.store[READS]:
            call.store[READS].put(read)
        added.append(member)
    for member in added:
        _announce_member(call, channel, member, by, quiet=quiet)
    return added


def set_role(member: Member, role: object) -> None:
    """Give a member a channel role."""
    if role is None or role == "member":
        return
    if not isinstance(role, str) or not role:
        raise invalid("channel_role must be a non-empty string")
    member.channel_role = "channel_moderator" if role == "moderator" else role
    member.role = "moderator" if member.channel_role == "channel_moderator" else "member"


def _announce_member(call: Call, channel: Channel, member: Member, by: User | None, *, quiet: bool) -> None:
    view = member_view(call.sandbox, member)
    channel_shown = channel_view(call.sandbox, channel)
    if not quiet:
        payload = {"member": view, "user": view["user"], "channel": channel_shown}
        call.emit(to_watchers("member.added", call.now, channel.cid, payload))
    kind = "notification.invited" if member.invited else "notification.added_to_channel"
    payload = {"channel": channel_shown, "member": view}
    if by is not None:
        payload["user"] = user_view(call.sandbox, by)
    call.emit(to_users(kind, call.now, (member.user_id,), payload, channel.cid))


def remove_members(call: Call, channel: Channel, user_ids: list[str], by: User | None) -> None:
    """End memberships, and tell those who watch and those who are out."""
    for user_id in user_ids:
        member = call.store[MEMBERS].remove(pair(channel.cid, user_id))
        if member is None:
            continue
        call.store[READS].remove(pair(channel.cid, user_id))
        view = member_view(call.sandbox, member)
        shown = channel_view(call.sandbox, channel)
        payload = {"member": view, "user": view["user"], "channel": shown}
        call.emit(to_watchers("member.removed", call.now, channel.cid, payload))
        out = {"channel": shown, "member": view}
        if by is not None:
            out["user"] = user_view(call.sandbox, by)
        call.emit(to_users("notification.removed_from_channel", call.now, (user_id,), out, channel.cid))


def assign(call: Call, channel: Channel, user_id: str, role: object) -> None:
    """Give a member a role; who is made a moderator becomes a member on the way. Raises ApiError 400."""
    member = call.store[MEMBERS].get(pair(channel.cid, user_id))
    if member is None and role == "channel_moderator":
        member = add_members(call, channel, [{"user_id": people.existing(call, user_id).id}], None)[0]
    if member is None:
        raise invalid(f"user {user_id} is not a member of {channel.cid}")
    member.role, member.channel_role = "member", "channel_member"
    set_role(member, role)
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

    Raises ApiError 400 if the user was not invited.
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
