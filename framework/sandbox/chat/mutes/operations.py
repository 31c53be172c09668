"""Mutes and blocks of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERSHIPS_OF, pair
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.mutes.records import (
    BLOCKS,
    BLOCKS_BY,
    BLOCKS_OF,
    USER_MUTES,
    USER_MUTES_BY,
    UserBlock,
    UserMute,
)
from framework.sandbox.chat.mutes.rules import mute_view
from framework.sandbox.chat.permissions import bans
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.own_view import own_user_view
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.realtime.event import to_hooks, to_users
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("mutes")
MAX_AT_ONCE = 100
MAX_TIMEOUT_MIN = 10 * 365 * 24 * 60
LIFT = "mute.lift"


@DOMAIN.operation("Mute", "POST", "/moderation/mute", v2="/api/v2/moderation/mute")
def mute(call: Call) -> Result:
    """Mute users for a user, for `timeout` minutes or until it is lifted."""
    user = people.acting_user(call)
    targets = _targets(call)
    if user.id in targets:
        raise invalid("a user cannot mute itself")
    timeout = call.number("timeout", 0, high=MAX_TIMEOUT_MIN, source=call.body)
    known = [target for target in targets if target in call.store[USERS]]
    views = []
    for target_id in known:
        record = call.store[USER_MUTES].get(pair(user.id, target_id))
        record = record or UserMute(user.id, target_id, call.now, call.now)
        record.updated_at, record.expires = call.now, bans.expiry(call, timeout)
        call.store[USER_MUTES].put(record)
        call.sandbox.scheduler.plan(LIFT, record.key, record.expires)
        views.append(mute_view(call.sandbox, record))
    _tell(call, "user.muted", user, known)
    result: dict[str, Any] = {"own_user": _changed(call, user), "mutes": views, **_unknown(targets, known)}
    if len(targets) == 1 and views:
        result["mute"] = views[0]
    return result


@DOMAIN.operation("Unmute", "POST", "/moderation/unmute", v2="/api/v2/moderation/unmute")
def unmute(call: Call) -> Result:
    """Lift mutes."""
    user = people.acting_user(call)
    targets = _targets(call)
    known = [target for target in targets if target in call.store[USERS]]
    for target_id in known:
        key = pair(user.id, target_id)
        call.store[USER_MUTES].remove(key)
        call.sandbox.scheduler.cancel(LIFT, key)
    _tell(call, "user.unmuted", user, known)
    _changed(call, user)
    return _unknown(targets, known)


def lift_expired(call: Call, key: str) -> None:
    """End a mute whose time is over."""
    record = call.store[USER_MUTES].remove(key)
    user = call.store[USERS].get(record.user_id) if record is not None else None
    if record is not None and user is not None:
        _tell(call, "user.unmuted", user, [record.target_id])
        _changed(call, user)


def _tell(call: Call, kind: str, user: User, targets: list[str]) -> None:
    """Tell the app's backend; clients hear notification.mutes_updated."""
    if targets:
        people_ = [user_by_id(call.sandbox, target) for target in targets]
        told = {"user": user_by_id(call.sandbox, user.id), "target_user": people_[0], "target_users": people_}
        call.emit(to_hooks(kind, call.now, told))


def _targets(call: Call) -> list[str]:
    ids = list(dict.fromkeys([*call.texts("target_ids", call.body), *call.texts("target_id", call.body)]))
    if not ids:
        raise invalid("target_ids is a required field")
    if len(ids) > MAX_AT_ONCE:
        raise invalid(f"at most {MAX_AT_ONCE} users can be named at once")
    return ids


def _unknown(targets: list[str], known: list[str]) -> dict[str, Any]:
    missing = [target for target in targets if target not in known]
    return {"non_existing_users": missing} if missing else {}


def _changed(call: Call, user: User) -> Entity:
    """Count anew what the user has not read, and tell its connections; returns the user as it sees itself."""
    for member in call.store.index(MEMBERSHIPS_OF).of(user.id):
        unread.recount(call.sandbox, member.cid)
    own = own_user_view(call.sandbox, user)
    call.emit(to_users("notification.mutes_updated", call.now, (user.id,), {"me": own}))
    return own


@DOMAIN.operation("BlockUsers", "POST", "/users/block", family="common")
def block_users(call: Call) -> Result:
    """Block a user: the 1:1 channel with it goes out of sight."""
    user = people.acting_user(call)
    target = people.existing(call, call.required_text("blocked_user_id", call.body))
    if target.id == user.id:
        raise invalid("a user cannot block itself")
    block = call.store[BLOCKS].get(pair(user.id, target.id)) or UserBlock(user.id, target.id, call.now)
    call.store[BLOCKS].put(block)
    return {
        "blocked_by_user_id": user.id,
        "blocked_user_id": target.id,
        "created_at": block.created_at,
        "blocked_at": block.created_at,
    }


@DOMAIN.operation("UnblockUsers", "POST", "/users/unblock", family="common")
def unblock_users(call: Call) -> Result:
    """Lift a block."""
    user = people.acting_user(call)
    target = call.required_text("blocked_user_id", call.body)
    call.store[BLOCKS].remove(pair(user.id, target))
    return {}


@DOMAIN.operation("GetBlockedUsers", "GET", "/users/block", family="common")
def get_blocked_users(call: Call) -> Result:
    """Whom a user blocks, in the order of the blocks."""
    user = people.acting_user(call)
    return {
        "blocks": [
            {
                "user_id": user.id,
                "user": user_by_id(call.sandbox, user.id),
                "blocked_user_id": block.blocked_user_id,
                "blocked_user": user_by_id(call.sandbox, block.blocked_user_id),
                "created_at": block.created_at,
            }
            for block in call.store.index(BLOCKS_BY).of(user.id)
        ]
    }


FEATURE = Feature(
    operations=(DOMAIN,), due={LIFT: lift_expired}, forget_user=dropping(USER_MUTES_BY, BLOCKS_BY, BLOCKS_OF)
)
