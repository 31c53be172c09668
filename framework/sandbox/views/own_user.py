"""Users as servers and they themselves see them: with mutes, devices, unread counts and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.services import mutes, relations, unread
from framework.sandbox.views import push
from framework.sandbox.views.channel import channel_mute_view
from framework.sandbox.views.user import user_view

if TYPE_CHECKING:
    from framework.sandbox.model.user import User
    from framework.sandbox.sandbox import Sandbox
    from framework.sandbox.wire import Entity


def full_user_view(sandbox: Sandbox, user: User) -> Entity:
    """A user as a server sees it: with mutes, devices and unread counts."""
    view = user_view(sandbox, user)
    muted = [channel_mute_view(sandbox, mute) for mute in relations.channel_mutes(sandbox, user.id)]
    mutes_of = [mutes.mute_view(sandbox, mute) for mute in mutes.of(sandbox, user.id)]
    devices = push.devices_of(sandbox, user.id)
    view.fields |= {"mutes": mutes_of, "channel_mutes": muted, "devices": devices, **unread.totals(sandbox, user.id)}
    view.fields["invisible"] = user.invisible
    view.v2 = None
    view.fields["blocked_user_ids"] = relations.blocked_ids(sandbox, user.id)
    if user.privacy_settings is not None:
        view.fields["privacy_settings"] = user.privacy_settings
    if user.push_notifications is not None:
        view.fields["push_notifications"] = user.push_notifications
    return view


def own_user_view(sandbox: Sandbox, user: User) -> Entity:
    """A user as it sees itself: `me` of the first health check."""
    view = full_user_view(sandbox, user)
    preferences = push.preference_of(sandbox, user.id)
    if preferences is not None:
        view.fields["push_preferences"] = preferences
    return view
