"""What bans mean for a user: whether it may write, and whether others see what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.model.ban import BANS_OF, Ban

if TYPE_CHECKING:
    from framework.sandbox.sandbox import Sandbox


def in_force(sandbox: Sandbox, cid: str, user_id: str) -> list[Ban]:
    """A user's bans that hold in a channel: the app's and the channel's own."""
    if not sandbox.store.index(BANS_OF).count(user_id):
        return []
    return [ban for ban in sandbox.store.index(BANS_OF).of(user_id) if ban.cid in ("", cid)]


def is_banned(sandbox: Sandbox, cid: str, user_id: str) -> bool:
    """Whether a user may not write in a channel."""
    return any(not ban.shadow for ban in in_force(sandbox, cid, user_id))


def is_shadow_banned(sandbox: Sandbox, cid: str, user_id: str) -> bool:
    """Whether only the user itself sees what it writes in a channel."""
    return any(ban.shadow for ban in in_force(sandbox, cid, user_id))
