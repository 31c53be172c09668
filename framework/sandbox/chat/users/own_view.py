"""Users as servers and they themselves see them: with mutes, devices, unread counts and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.chat.channels.view import channel_mute_view
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.mutes import rules as mutes
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users.view import user_view

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.sandbox import Sandbox
    from framework.sandbox.kernel.wire import Entity


def full_user_view(sandbox: Sandbox, user: User) -> Entity:
    """A user as a server sees it: with mutes, devices and unread counts."""
    return _full_view(sandbox, user, itself=False)


def _full_view(sandbox: Sandbox, user: User, *, itself: bool) -> Entity:
    view = user_view(sandbox, user)
    muted = [channel_mute_view(sandbox, mute) for mute in mutes.channel_mutes(sandbox, user.id)]
    mutes_of = [mutes.mute_view(sandbox, mute) for mute in mutes.of(sandbox, user.id)]
    view.fields |= {"mutes": mutes_of, "channel_mutes": muted, **unread.totals(sandbox, user.id)}
    for add in sandbox[FEATURES].own_user_fields:
        view.fields |= add(sandbox, user.id, itself)
    view.fields["invisible"] = user.invisible
    view.v2 = None
    view.fields["blocked_user_ids"] = mutes.blocked_ids(sandbox, user.id)
    if user.privacy_settings is not None:
        view.fields["privacy_settings"] = user.privacy_settings
    if user.push_notifications is not None:
        view.fields["push_notifications"] = user.push_notifications
    return view


def own_user_view(sandbox: Sandbox, user: User) -> Entity:
    """A user as it sees itself: `me` of the first health check."""
    return _full_view(sandbox, user, itself=True)
