"""What a user sets for itself in a channel: hiding and muting it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERS, Channel, Member, pair
from framework.sandbox.chat.channels.view import channel_mute_view, channel_view
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.mutes.records import CHANNEL_MUTES, CHANNEL_MUTES_BY, CHANNEL_MUTES_OF, ChannelMute
from framework.sandbox.chat.permissions.rules import require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.own_view import own_user_view
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.realtime.event import to_users
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("visibility")
MAX_MUTED_AT_ONCE = 100


@DOMAIN.operation("HideChannel", "POST", "/channels/{type}/{id}/hide")
def hide_channel(call: Call) -> Result:
    """Take a channel out of a member's list until something is posted in it; optionally clear its history."""
    channel, user = channels.find(call), people.acting_user(call)
    clear = call.flag("clear_history", call.body)
    hide(call, channel, _member(call, channel, user), clear_history=clear)
    return {}


@DOMAIN.operation("ShowChannel", "POST", "/channels/{type}/{id}/show")
def show_channel(call: Call) -> Result:
    """Bring a hidden channel back."""
    channel, user = channels.find(call), people.acting_user(call)
    show(call, channel, _member(call, channel, user))
    return {}


def hide(call: Call, channel: Channel, member: Member, *, clear_history: bool = False) -> None:
    """Hide a channel for a member, and tell the member."""
    member.hidden = True
    if clear_history:
        member.hide_messages_before = call.now
    call.store[MEMBERS].put(member)
    _tell(call, "channel.hidden", channel, member, {"clear_history": clear_history})


def show(call: Call, channel: Channel, member: Member) -> None:
    """Show a channel to a member again, and tell the member."""
    member.hidden = False
    call.store[MEMBERS].put(member)
    _tell(call, "channel.visible", channel, member, {})


def _tell(call: Call, kind: str, channel: Channel, member: Member, more: dict[str, Any]) -> None:
    user = people.existing(call, member.user_id)
    payload = {"channel": channel_view(call.sandbox, channel), "user": user_view(call.sandbox, user), **more}
    call.emit(to_users(kind, call.now, (user.id,), payload, channel.cid))


def _member(call: Call, channel: Channel, user: User) -> Member:
    member = call.store[MEMBERS].get(pair(channel.cid, user.id))
    if member is None:
        raise invalid(f"user {user.id} is not a member of {channel.cid}")
    return member


@DOMAIN.operation("MuteChannel", "POST", "/moderation/mute/channel")
def mute_channel(call: Call) -> Result:
    """Mute channels for a user, for `expiration` milliseconds or until it is lifted."""
    user, found = people.acting_user(call), _named_channels(call)
    expiration = call.number("expiration", 0, high=10 * 365 * 86_400_000, source=call.body)
    for channel in found:
        require_feature(call, channel, "mutes")
        channels.require_read(call, channel, user)
        require(call, channel, user, "mute-channel")
    muted = []
    for channel in found:
        mute = call.store[CHANNEL_MUTES].get(pair(channel.cid, user.id))
        mute = mute or ChannelMute(channel.cid, user.id, call.now, call.now)
        mute.updated_at = call.now
        mute.expires = call.now + timedelta(milliseconds=expiration) if expiration else None
        call.store[CHANNEL_MUTES].put(mute)
        muted.append(channel_mute_view(call.sandbox, mute))
    result: dict[str, Any] = {"channel_mute": muted[0], "own_user": _tell_mutes(call, user)}
    if len(muted) > 1:
        result["channel_mutes"] = muted
    return result


@DOMAIN.operation("UnmuteChannel", "POST", "/moderation/unmute/channel")
def unmute_channel(call: Call) -> Result:
    """Lift a user's mutes of channels."""
    user = people.acting_user(call)
    for channel in _named_channels(call):
        call.store[CHANNEL_MUTES].remove(pair(channel.cid, user.id))
    _tell_mutes(call, user)
    return {}


def _tell_mutes(call: Call, user: User) -> Entity:
    own = own_user_view(call.sandbox, user)
    call.emit(to_users("notification.channel_mutes_updated", call.now, (user.id,), {"me": own}))
    return own


def _named_channels(call: Call) -> list[Channel]:
    """Return the channels of `channel_cid` or `channel_cids`, which may be a text or a list in either."""
    cids = dict.fromkeys([*call.texts("channel_cids", call.body), *call.texts("channel_cid", call.body)])
    if not cids:
        raise invalid("channel_cids is a required field")
    if len(cids) > MAX_MUTED_AT_ONCE:
        raise invalid(f"at most {MAX_MUTED_AT_ONCE} channels can be named at once")
    return [channels.by_cid(call, cid) for cid in cids]


FEATURE = Feature(
    operations=(DOMAIN,), forget_user=dropping(CHANNEL_MUTES_BY), forget_channel=dropping(CHANNEL_MUTES_OF)
)
