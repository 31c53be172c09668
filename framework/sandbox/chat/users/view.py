"""Users as others see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.users import response_times
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox

_OPTIONAL = (
    "name", "image", "teams_role", "ban_expires", "last_active", "deactivated_at", "deleted_at",
    "revoke_tokens_issued_before",
)  # fmt: skip

_SHOWN_AS = {"invisible": False}
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""The times of a user that is gone for good: clients cannot do without."""


def user_view(sandbox: Sandbox, user: User) -> Entity:
    """A user as others see it. Where v2 requires `invisible` it is always false, or it would tell who hides."""
    fields: dict[str, Any] = {
        "id": user.id,
        "role": user.role,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "banned": user.banned,
        "online": sandbox.hub.is_online(user.id) and not user.invisible,
        "language": user.language,
        "shadow_banned": user.shadow_banned,
        "teams": user.teams,
        "blocked_user_ids": [],
    }
    for name in _OPTIONAL:
        value = getattr(user, name)
        if value is not None:
            fields[name] = value
    if user.answers and (average := response_times.average(sandbox, user)) is not None:
        fields["avg_response_time"] = average
    return Entity(fields, user.custom, _SHOWN_AS)


def user_by_id(sandbox: Sandbox, user_id: str) -> Entity:
    """Return a user's view by id; a bare one for a user that is gone."""
    user = sandbox.store[USERS].get(user_id)
    if user is not None:
        return user_view(sandbox, user)
    return user_view(sandbox, User(user_id, _UNKNOWN, _UNKNOWN, deleted_at=_UNKNOWN))
