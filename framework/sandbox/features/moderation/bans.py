"""Bans: impose, lift, query."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, Channel
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.messages.deletion import DELETIONS, delete_messages
from framework.sandbox.chat.permissions import bans
from framework.sandbox.chat.permissions.ban_status import BANS, BANS_OF, FUTURE_BANS, Ban, FutureBan
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import User
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.features.moderation import reports
from framework.sandbox.features.moderation.records import USER
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import select
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from collections.abc import Iterable

B = TypeVar("B", Ban, FutureBan)
DOMAIN = Domain("bans")
MODERATORS = frozenset({"admin", "moderator", "global_admin", "global_moderator"})
MAX_TIMEOUT_MIN = 10 * 365 * 24 * 60
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "created_at_after": operator.gt,
    "created_at_after_or_equal": operator.ge,
    "created_at_before": operator.lt,
    "created_at_before_or_equal": operator.le,
}


@DOMAIN.operation("Ban", "POST", "/moderation/ban", v2="/api/v2/moderation/ban")
def ban(call: Call) -> Result:
    """Ban a user from the app or a channel, for `timeout` minutes or until the ban is lifted."""
    target, channel, by = _target(call), _channel(call), _moderator(call, "banned_by")
    _require(call, channel, by)
    if by is not None and by.id == target.id:
        raise invalid("a user cannot ban itself")
    timeout = call.number("timeout", 0, high=MAX_TIMEOUT_MIN)
    reason, shadow = call.text("reason"), call.flag("shadow")
    expires = bans.expiry(call, timeout)
    deletion = call.text("delete_messages")
    if deletion not in (None, "", *DELETIONS):
        raise invalid(f"delete_messages must be one of [{', '.join(DELETIONS)}]")
    if call.flag("ban_from_future_channels"):
        if by is None:
            raise invalid("ban_from_future_channels needs banned_by_id")
        bans.impose_future(call, FutureBan(target.id, by.id, call.now, reason, expires, shadow))
    by_id = by.id if by is not None else None
    cid = channel.cid if channel is not None else ""
    bans.impose(call, Ban(target.id, cid, call.now, by_id, reason, expires, shadow, call.flag("ip_ban")), by)
    _log(call, "ban", target, cid, by, reason)
    if deletion:
        delete_messages(call, target, cid, deletion, by)
    return {}


@DOMAIN.operation("Unban", "POST", None, v2="/api/v2/moderation/unban")
@DOMAIN.operation("DeleteModerationBan", "DELETE", "/moderation/ban", v2=None)
def unban(call: Call) -> Result:
    """Lift a ban from the app or a channel. Nothing happens if the user is not banned."""
    target, channel, by = _target(call), _channel(call), _moderator(call, "unbanned_by")
    _require(call, channel, by)
    cid = channel.cid if channel is not None else ""
    if bans.lift(call, target.id, cid, by):
        _log(call, "unban", target, cid, by)
    if call.flag("remove_future_channels_ban"):
        for future in call.store[FUTURE_BANS]:
            if future.target_id == target.id and by is not None and future.created_by_id == by.id:
                bans.lift_future(call, future.key)
    return {}


def _log(call: Call, kind: str, target: User, cid: str, by: User | None, reason: str | None = None) -> None:
    """Note a ban or its end where moderators look up what was done."""
    reports.log(
        call, kind, None, by.id if by is not None else "", reason or "", target_user_id=target.id, entity_type=USER,
        entity_id=target.id, custom={"channel_cid": cid} if cid else {},
    )  # fmt: skip


def _target(call: Call) -> User:
    return people.existing(call, call.required_text("target_user_id"))


def _channel(call: Call) -> Channel | None:
    cid = call.text("channel_cid")
    kind, channel_id = call.text("type"), call.text("id")
    if not cid and kind and channel_id:
        cid = f"{kind}:{channel_id}"
    return channels.by_cid(call, cid) if cid else None


def _moderator(call: Call, role: str) -> User | None:
    """Who bans: the token's user, or whom a server names as `banned_by` or `user`."""
    named = call.payload.get(role)
    by_id = call.text(f"{role}_id") or call.text("created_by")
    source: dict[str, Any] = {"user": named} if named is not None else {"user_id": by_id} if by_id else {}
    return people.acting_user_or_none(call, source)


def _require(call: Call, channel: Channel | None, by: User | None) -> None:
    if call.actor.is_server:
        return
    if by is None:
        raise forbidden("bans need a user")
    if channel is not None:
        require(call, channel, by, "ban-channel-members")
    elif by.role not in MODERATORS:
        raise forbidden(f"User '{by.id}' with role {by.role} is not allowed to perform action BanUser in scope '.app'")


@DOMAIN.operation("QueryBannedUsers", "GET", "/query_banned_users")
def query_banned_users(call: Call) -> Result:
    """The bans that a filter finds, sorted and paged."""
    _require_queries(call)

    def value_of(ban: Ban, name: str) -> Json:
        return _value(ban, name)

    found = select(_between(call, call.store[BANS]), call.mapping("filter_conditions"), value_of)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", True)], value_of)
    return {"bans": [ban_view(call, item) for item in _paged(call, found)]}


@DOMAIN.operation("QueryFutureChannelBans", "GET", "/query_future_channel_bans")
def query_future_channel_bans(call: Call) -> Result:
    """The bans that wait for channels which a user will create."""
    user = people.acting_user_or_none(call)
    target_id = call.text("target_user_id")
    found = [
        ban
        for ban in _between(call, call.store[FUTURE_BANS])
        if (user is None or ban.created_by_id == user.id) and (not target_id or ban.target_id == target_id)
    ]
    found.sort(key=lambda ban: ban.created_at, reverse=True)
    shown = []
    for item in _paged(call, found):
        view = _common(call, item)
        view["banned_by"] = user_by_id(call.sandbox, item.created_by_id)
        shown.append(view)
    total = {"total": len(found)} if call.flag("include_total") else {}
    return {"bans": shown, **total}


def ban_view(call: Call, item: Ban) -> dict[str, Any]:
    """A ban as query answers show it."""
    view = _common(call, item)
    if item.ip_ban:
        view["ip_ban"] = True
    if item.banned_by_id is not None:
        view["banned_by"] = user_by_id(call.sandbox, item.banned_by_id)
    channel = call.store[CHANNELS].get(item.cid) if item.cid else None
    if channel is not None:
        view["channel"] = channel_view(call.sandbox, channel)
    return view


def _common(call: Call, item: Ban | FutureBan) -> dict[str, Any]:
    view: dict[str, Any] = {
        "user": user_by_id(call.sandbox, item.target_id),
        "created_at": item.created_at,
        "shadow": item.shadow,
    }
    if item.expires is not None:
        view["expires"] = item.expires
    if item.reason is not None:
        view["reason"] = item.reason
    return view


def _value(item: Ban, name: str) -> Json:
    if name in ("user_id", "id", "target_user_id"):
        return item.target_id
    if name in ("channel_cid", "cid"):
        return item.cid or None
    if name in ("banned_by_id", "banned_by"):
        return item.banned_by_id
    return getattr(item, name) if name in Ban.names() else None


def _between(call: Call, items: Iterable[B]) -> list[B]:
    """The bans within the times that the call asks for."""
    found = list(items)
    for name, keeps in _BOUNDS.items():
        at = call.time(name)
        if at is not None:
            found = [item for item in found if keeps(item.created_at, at)]
    return found


def _paged(call: Call, items: list[B]) -> list[B]:
    limit, offset = call.number("limit", 100, high=300), call.number("offset", 0)
    return items[offset : offset + (limit or 100)]


def _require_queries(call: Call) -> None:
    if call.actor.is_server:
        return
    user = people.acting_user(call)
    cid = call.mapping("filter_conditions").get("channel_cid")
    if isinstance(cid, str) and cid in call.store[CHANNELS]:
        require(call, channels.by_cid(call, cid), user, "ban-channel-members")
    elif user.role not in MODERATORS:
        raise forbidden(f"user {user.id} may only query the bans of channels that it moderates")


FEATURE = Feature(
    operations=(DOMAIN,),
    due={bans.LIFT: bans.lift_expired, bans.LIFT_FUTURE: bans.lift_future},
    forget_user=dropping(BANS_OF),
)
