"""Mutes between users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.chat.mutes.records import USER_MUTES, USER_MUTES_BY, UserMute
from framework.sandbox.chat.users.view import user_by_id

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox


def of(sandbox: Sandbox, user_id: str) -> list[UserMute]:
    """Whom a user mutes."""
    index = sandbox.store.index(USER_MUTES_BY)
    return index.of(user_id) if index.count(user_id) else []


def is_muted(sandbox: Sandbox, user_id: str, target_id: str) -> bool:
    """Whether a user mutes another."""
    return pair(user_id, target_id) in sandbox.store[USER_MUTES]


def mute_view(sandbox: Sandbox, mute: UserMute) -> dict[str, Any]:
    """A mute with both users."""
    view: dict[str, Any] = {
        "user": user_by_id(sandbox, mute.user_id),
        "target": user_by_id(sandbox, mute.target_id),
        "created_at": mute.created_at,
        "updated_at": mute.updated_at,
    }
    if mute.expires is not None:
        view["expires"] = mute.expires
    return view
