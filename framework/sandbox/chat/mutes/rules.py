"""What a user's blocks and mutes mean, and how they look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS, MEMBERS_OF, pair
from framework.sandbox.chat.mutes.records import (
    BLOCKS,
    BLOCKS_BY,
    CHANNEL_MUTES,
    CHANNEL_MUTES_BY,
    USER_MUTES,
    USER_MUTES_BY,
    ChannelMute,
    UserMute,
)
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.chat.users.view import user_by_id

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox


def blocked_ids(sandbox: Sandbox, user_id: str) -> list[str]:
    """Whom a user blocks."""
    index = sandbox.store.index(BLOCKS_BY)
    return [block.blocked_user_id for block in index.of(user_id)] if index.count(user_id) else []


def is_blocked(sandbox: Sandbox, cid: str, user_id: str) -> bool:
    """Return whether a channel is a user's 1:1 channel with someone whom the user blocks."""
    if not sandbox.store.index(BLOCKS_BY).count(user_id) or sandbox.store.index(MEMBERS_OF).count(cid) != 2:
        return False
    ids = [member.user_id for member in sandbox.store.index(MEMBERS_OF).of(cid)]
    return user_id in ids and any(pair(user_id, other) in sandbox.store[BLOCKS] for other in ids)


def channel_mute(sandbox: Sandbox, cid: str, user_id: str) -> ChannelMute | None:
    """Return a user's mute of a channel while it lasts."""
    mute = sandbox.store[CHANNEL_MUTES].get(pair(cid, user_id))
    if mute is None or (mute.expires is not None and mute.expires <= sandbox.clock.now()):
        return None
    return mute


def channel_mutes(sandbox: Sandbox, user_id: str) -> list[ChannelMute]:
    """Return a user's mutes of channels that last."""
    index = sandbox.store.index(CHANNEL_MUTES_BY)
    if not index.count(user_id):
        return []
    return [mute for mute in index.of(user_id) if channel_mute(sandbox, mute.cid, user_id) is not None]


def is_hidden(sandbox: Sandbox, cid: str, user_id: str) -> bool:
    """Return whether a user hid a channel. A new message brings it back."""
    member = sandbox.store[MEMBERS].get(pair(cid, user_id))
    return member is not None and member.hidden


def shares(sandbox: Sandbox, user_id: str, what: str) -> bool:
    """Return whether a user lets others know: `what` is typing_indicators, read_receipts or delivery_receipts."""
    user = sandbox.store[USERS].get(user_id)
    if user is None or user.privacy_settings is None:
        return True
    setting = user.privacy_settings.get(what)
    return not (isinstance(setting, dict) and setting.get("enabled") is False)


def of(sandbox: Sandbox, user_id: str) -> list[UserMute]:
    """Whom a user mutes."""
    index = sandbox.store.index(USER_MUTES_BY)
    return index.of(user_id) if index.count(user_id) else []


def is_muted(sandbox: Sandbox, user_id: str, target_id: str) -> bool:
    """Return whether a user mutes another."""
    return pair(user_id, target_id) in sandbox.store[USER_MUTES]


def mute_view(sandbox: Sandbox, mute: UserMute) -> dict[str, Any]:
    """Return a mute with both users."""
    view: dict[str, Any] = {
        "user": user_by_id(sandbox, mute.user_id),
        "target": user_by_id(sandbox, mute.target_id),
        "created_at": mute.created_at,
        "updated_at": mute.updated_at,
    }
    if mute.expires is not None:
        view["expires"] = mute.expires
    return view
