"""Imposing and lifting bans, and telling of it. What they mean is in `ban_status`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, Channel, pair
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.permissions.ban_status import BANS, BANS_OF, FUTURE_BANS, FUTURE_BANS_BY, Ban, FutureBan
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.chat.users.view import user_by_id, user_view
from framework.sandbox.kernel.realtime.event import Audience, Event, to_hooks, to_watchers

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

LIFT = "ban.lift"
LIFT_FUTURE = "future_ban.lift"


def impose(call: Call, ban: Ban, by: User | None) -> None:
    """Put a ban in force, in place of an earlier one of the same user at the same place."""
    call.store[BANS].put(ban)
    call.sandbox.scheduler.plan(LIFT, ban.key, ban.expires)
    show(call, ban.target_id, ban.cid)
    _tell(call, "user.banned", ban, by)


def lift(call: Call, target_id: str, cid: str, by: User | None = None) -> bool:
    """End a ban; whether there was one."""
    ban = call.store[BANS].remove(pair(cid, target_id))
    if ban is None:
        return False
    call.sandbox.scheduler.cancel(LIFT, ban.key)
    show(call, target_id, cid)
    _tell(call, "user.unbanned", ban, by)
    return True


def lift_expired(call: Call, key: str) -> None:
    """End a ban whose time is over."""
    ban = call.store[BANS].get(key)
    if ban is not None:
        lift(call, ban.target_id, ban.cid)


def impose_future(call: Call, ban: FutureBan) -> None:
    """Ban a user from the channels that another one will create."""
    call.store[FUTURE_BANS].put(ban)
    call.sandbox.scheduler.plan(LIFT_FUTURE, ban.key, ban.expires)


def lift_future(call: Call, key: str) -> None:
    """End a ban from future channels; those that it led to stay."""
    call.store[FUTURE_BANS].remove(key)
    call.sandbox.scheduler.cancel(LIFT_FUTURE, key)


def apply_future(call: Call, channel: Channel) -> None:
    """Ban from a new channel whom its creator banned from future channels."""
    creator = channel.created_by_id
    if creator is None or not call.store.index(FUTURE_BANS_BY).count(creator):
        return
    for future in call.store.index(FUTURE_BANS_BY).of(creator):
        ban = Ban(future.target_id, channel.cid, call.now, creator, future.reason, future.expires, future.shadow)
        impose(call, ban, call.store[USERS].get(creator))


def expiry(call: Call, minutes: int) -> datetime | None:
    """When something of so many minutes ends; 0 never does."""
    return call.now + timedelta(minutes=minutes) if minutes else None


def show(call: Call, target_id: str, cid: str) -> None:
    """Write on the user, or on its membership, what its ban is."""
    ban = call.store[BANS].get(pair(cid, target_id))
    table: Any = MEMBERS if cid else USERS
    record = call.store[table].get(pair(cid, target_id) if cid else target_id)
    if record is None:
        return
    record.banned = ban is not None and not ban.shadow
    record.shadow_banned = ban is not None and ban.shadow
    record.ban_expires = ban.expires if ban is not None else None
    record.updated_at = call.now
    call.store[table].put(record)


def _tell(call: Call, kind: str, ban: Ban, by: User | None) -> None:
    """user.banned and user.unbanned: a channel's to who watches it, the app's to everyone. Of a shadow ban the app's
    backend alone is told.
    """
    payload: dict[str, Any] = {"user": user_by_id(call.sandbox, ban.target_id), "shadow": ban.shadow}
    if by is not None:
        payload["created_by"] = user_view(call.sandbox, by)
    if kind == "user.banned":
        payload["total_bans"] = call.store.index(BANS_OF).count(ban.target_id)
        payload |= {"reason": ban.reason} if ban.reason is not None else {}
        payload |= {"expiration": ban.expires} if ban.expires is not None else {}
    channel = call.store[CHANNELS].get(ban.cid) if ban.cid else None
    if channel is not None:
        payload["channel"] = channel_view(call.sandbox, channel)
        if ban.shadow:
            call.emit(to_hooks(kind, call.now, payload, channel.cid))
            return
        call.emit(to_watchers(kind, call.now, channel.cid, payload))
        absent = Audience(absent_from=channel.cid, users=(ban.target_id,))
        call.emit(Event(kind, call.now, call.events[-1].payload, absent, channel.cid, hooks=False))
    elif ban.shadow:
        call.emit(to_hooks(kind, call.now, payload))
    elif not ban.cid:
        call.emit(Event(kind, call.now, payload, Audience(everyone=True)))
