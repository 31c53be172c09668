"""Devices and push preferences as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.features.push.devices import devices_of
from framework.sandbox.features.push.record import PUSH_PREFERENCES, PushPreference

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox


def preference_view(preference: PushPreference) -> dict[str, Any]:
    """What a user wants to be told of."""
    view = dict(preference.settings)
    if preference.disabled_until is not None:
        view["disabled_until"] = preference.disabled_until
    return view


def preference_of(sandbox: Sandbox, user_id: str) -> dict[str, Any] | None:
    """What a user wants to be told of everywhere, where it said so."""
    found = sandbox.store[PUSH_PREFERENCES].get(f"{user_id}/") if len(sandbox.store[PUSH_PREFERENCES]) else None
    return preference_view(found) if found is not None else None


def own_user_fields(sandbox: Sandbox, user_id: str, itself: bool) -> dict[str, Any]:
    """Return a user's devices, and for the user itself what it wants to be told of."""
    fields: dict[str, Any] = {"devices": devices_of(sandbox, user_id)}
    if itself and (preferences := preference_of(sandbox, user_id)) is not None:
        fields["push_preferences"] = preferences
    return fields
