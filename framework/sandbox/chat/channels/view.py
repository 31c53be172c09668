"""Channels, members and read states as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.commands import shown
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, MEMBERS_OF, READS_OF, Channel, Member, Read, pair
from framework.sandbox.chat.messages.record import TIMELINES
from framework.sandbox.chat.mutes import rules as relations
from framework.sandbox.chat.mutes.rules import shares
from framework.sandbox.chat.permissions.rules import capabilities, config_of, type_of
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.chat.mutes.records import ChannelMute
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.sandbox import Sandbox

_OPTIONAL = ("team", "deleted_at", "truncated_at", "filter_tags", "config_overrides")


def last_message_at(sandbox: Sandbox, channel: Channel) -> datetime | None:
    """When the newest message came that counts for the order of channels."""
    skip_system = config_of(sandbox, channel).get("skip_last_msg_update_for_system_msgs") is True
    for message in reversed(sandbox.store.index(TIMELINES).channel(channel.cid)):
        if not message.shadowed and not (skip_system and message.type == "system"):
            return message.created_at
    return None


def channel_view(sandbox: Sandbox, channel: Channel, viewer: User | None = None, *, config: bool = True) -> Entity:
    """A channel as `viewer` sees it; None is a server. `config` adds the type's switches."""
    fields: dict[str, Any] = {
        "id": channel.id,
        "type": channel.type,
        "cid": channel.cid,
        "created_at": channel.created_at,
        "updated_at": channel.updated_at,
        "frozen": channel.frozen,
        "disabled": channel.disabled,
        "member_count": sandbox.store.index(MEMBERS_OF).count(channel.cid),
        "auto_translation_enabled": channel.auto_translation_enabled,
        "auto_translation_language": channel.auto_translation_language,
    }
    for name in _OPTIONAL:
        value = getattr(channel, name)
        if value is not None:
            fields[name] = value
    last = last_message_at(sandbox, channel)
    if last is not None:
        fields["last_message_at"] = last
    if channel.cooldown:
        fields["cooldown"] = channel.cooldown
    if channel.created_by_id is not None:
        fields["created_by"] = user_by_id(sandbox, channel.created_by_id)
    if channel.truncated_by_id is not None:
        fields["truncated_by"] = user_by_id(sandbox, channel.truncated_by_id)
    if viewer is not None:
        fields["own_capabilities"] = sorted(capabilities(sandbox, channel, viewer))
        _add_own(sandbox, channel, viewer, fields)
    if config:
        fields["config"] = config_view(sandbox, channel)
        if fields["config"].get("count_messages"):
            fields["message_count"] = len(sandbox.store.index(TIMELINES).channel(channel.cid))
    return Entity(fields, channel.custom)


def _add_own(sandbox: Sandbox, channel: Channel, viewer: User, fields: dict[str, Any]) -> None:
    """What `viewer` set for the channel: mute, hiding, blocks."""
    mute = relations.channel_mute(sandbox, channel.cid, viewer.id)
    if mute is not None:
        fields["muted"] = True
        if mute.expires is not None:
            fields["mute_expires_at"] = mute.expires
    member = sandbox.store[MEMBERS].get(pair(channel.cid, viewer.id))
    if member is not None:
        if member.hidden:
            fields["hidden"] = True
        if member.hide_messages_before is not None:
            fields["hide_messages_before"] = member.hide_messages_before
    if relations.is_blocked(sandbox, channel.cid, viewer.id):
        fields["blocked"] = True


def channel_mute_view(sandbox: Sandbox, mute: ChannelMute) -> dict[str, Any]:
    """Return a user's mute of a channel."""
    view: dict[str, Any] = {
        "user": user_by_id(sandbox, mute.user_id),
        "created_at": mute.created_at,
        "updated_at": mute.updated_at,
    }
    channel = sandbox.store[CHANNELS].get(mute.cid)
    if channel is not None:
        view["channel"] = channel_view(sandbox, channel, config=False)
    if mute.expires is not None:
        view["expires"] = mute.expires
    return view


def config_view(sandbox: Sandbox, channel: Channel) -> dict[str, Any]:
    """Return the switches of a channel, with its commands in full."""
    kind = type_of(sandbox, channel.type)
    config = config_of(sandbox, channel)
    own = config.get("commands")
    commands = shown(sandbox, own if isinstance(own, list) else kind.commands)
    return {
        **config,
        "name": kind.name,
        "created_at": kind.created_at,
        "updated_at": kind.updated_at,
        "commands": commands,
    }


def member_view(sandbox: Sandbox, member: Member) -> Entity:
    """Return a membership with its user."""
    view = member.view()
    for name in ("cid", "hidden", "hide_messages_before"):
        view.fields.pop(name, None)
    view.fields["notifications_muted"] = relations.channel_mute(sandbox, member.cid, member.user_id) is not None
    if member.invited:
        view.fields["status"] = _invite_status(member)
    else:
        view.fields["status"] = "member"
        view.fields.pop("invited")
    view.fields["is_moderator"] = member.channel_role == "channel_moderator"
    view.fields["user"] = user_by_id(sandbox, member.user_id)
    return view


def _invite_status(member: Member) -> str:
    if member.invite_accepted_at is not None:
        return "member"
    return "rejected" if member.invite_rejected_at is not None else "pending"


def read_view(sandbox: Sandbox, read: Read) -> dict[str, Any]:
    """How far a user has read."""
    view: dict[str, Any] = {
        "user": user_by_id(sandbox, read.user_id),
        "last_read": read.last_read,
        "unread_messages": unread.of(sandbox, read),
    }
    for name in ("last_read_message_id", "last_delivered_at", "last_delivered_message_id"):
        value = getattr(read, name)
        if value is not None:
            view[name] = value
    return view


def reads_view(sandbox: Sandbox, cid: str, viewer_id: str | None = None) -> list[dict[str, Any]]:
    """The read states of a channel that a user may see; None is a server, which sees all."""
    reads = sandbox.store.index(READS_OF).of(cid)
    if viewer_id is not None:
        reads = [read for read in reads if read.user_id == viewer_id or shares(sandbox, read.user_id, "read_receipts")]
    return [read_view(sandbox, read) for read in reads]
