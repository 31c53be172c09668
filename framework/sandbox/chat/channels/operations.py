"""Channels: get or create, update, partial update, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import creation as channel_creation
from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import (
    CHANNEL_INPUT,
    CHANNEL_RESERVED,
    CHANNELS,
    MEMBERS,
    MEMBERS_OF,
    Channel,
    pair,
)
from framework.sandbox.chat.channels.removal import delete_now
from framework.sandbox.chat.channels.state import channel_state, watch
from framework.sandbox.chat.channels.view import channel_view, member_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.members import changes, memberships
from framework.sandbox.chat.messages import rules as message_service
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import require, require_creation, require_fields, same_team
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.realtime.event import Audience, Event

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("channels")


@DOMAIN.operation("GetOrCreateChannel", "POST", "/channels/{type}/{id}/query")
def get_or_create_channel(call: Call) -> Result:
    """Return the channel's state. Creates the channel if it does not exist."""
    return _query(call, channels.cid_of(call, call.path["type"], call.path["id"]))


@DOMAIN.operation("GetOrCreateDistinctChannel", "POST", "/channels/{type}/query")
def get_or_create_distinct_channel(call: Call) -> Result:
    """Return the one channel of exactly these members. Creates it if it does not exist."""
    data = call.mapping("data", call.body)
    named = memberships.named_members(call, data.get("members"), "data.members")
    ids = {entry["user_id"] for entry in named}
    if call.actor.user_id is not None:
        ids.add(call.actor.user_id)
    if len(ids) < 1:
        raise invalid("data.members is a required field when no channel id is given")
    return _query(call, channels.cid_of(call, call.path["type"], channels.distinct_id(ids)))


def _query(call: Call, cid: str) -> Result:
    data = call.mapping("data", call.body)
    channel = call.store[CHANNELS].get(cid)
    user = _querying_user(call, data, creating=channel is None)
    created = channel is None
    if channel is None:
        channel = _create(call, cid, data, user)
    channels.require_read(call, channel, user)
    if call.flag("watch", call.body):
        watch(call, channel, people.acting_user(call))
    if created and call.flag("hide_for_creator", call.body):
        _hide_for(call, channel, user)
    shown_to = people.acting_user_or_none(call)
    result = channel_state(
        call,
        channel,
        shown_to,
        messages=call.mapping("messages", call.body),
        members=call.mapping("members", call.body),
        watchers=call.mapping("watchers", call.body) if "watchers" in call.body else None,
        state=call.flag("state", call.body),
    )
    if created and call.actor.is_server and user is not None and shown_to is None:
        member = call.store[MEMBERS].get(pair(cid, user.id))
        if member is not None:
            result["membership"] = member_view(call.sandbox, member)
    return result


def _hide_for(call: Call, channel: Channel, user: User | None) -> None:
    member = call.store[MEMBERS].get(pair(channel.cid, user.id)) if user is not None else None
    if member is not None:
        member.hidden = True
        call.store[MEMBERS].put(member)


def _querying_user(call: Call, data: Mapping[str, Any], *, creating: bool) -> User | None:
    """Who queries; for a server that creates, whom it names as the creator."""
    if not call.actor.is_server:
        return people.acting_user(call)
    if not creating:
        return people.acting_user_or_none(call)
    creator = data.get("created_by")
    if isinstance(creator, Mapping):
        return people.upsert(call, creator)
    if data.get("created_by_id"):
        return people.existing(call, data["created_by_id"])
    user = people.acting_user_or_none(call)
    if user is None:
        raise invalid("either data.created_by or data.created_by_id must be provided when using server side auth.")
    return user


def _create(call: Call, cid: str, data: Mapping[str, Any], user: User | None) -> Channel:
    if user is None:
        raise invalid("a channel needs a creator")
    if not call.actor.is_server:
        _require_creation(call, cid, data, user)
    named = memberships.named_members(call, data.get("members"), "data.members")
    invited = memberships.named_members(call, data.get("invites"), "data.invites")
    memberships.require_plain_members(call, [*named, *invited])
    if ":!members-" in cid and not call.actor.is_server and all(entry["user_id"] != user.id for entry in named):
        named.append({"user_id": user.id})
    # Who is named in both lists is invited, and becomes a member by accepting.
    waiting = frozenset(entry["user_id"] for entry in invited)
    channel = channel_creation.create(call, cid, channels.take_channel(call, data), user, [*named, *invited], waiting)
    payload = {
        "channel": channel_view(call.sandbox, channel),
        "user": user_view(call.sandbox, user),
        "cid": cid,
        "channel_id": channel.id,
        "channel_type": channel.type,
    }
    call.emit(Event("channel.created", call.now, payload, Audience(watching=cid), cid))
    return channel


def _require_creation(call: Call, cid: str, data: Mapping[str, Any], user: User) -> None:
    """403 unless a person may create this channel with these fields. The `team` is checked as for every other call."""
    require_creation(call, cid.partition(":")[0], user)
    for name in ("config_overrides", "disabled", "cooldown"):
        if data.get(name):
            call.require_server(f"setting a channel's {name}")
    if not same_team(call.sandbox, user, call.text("team", data)):
        raise forbidden(f"User '{user.id}' is not in the team of the channel")


@DOMAIN.operation("UpdateChannel", "POST", "/channels/{type}/{id}")
def update_channel(call: Call) -> Result:
    """Replace the channel's data and change its members, roles and invites; optionally with a system message."""
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    if user is not None and pair(channel.cid, user.id) not in call.store[MEMBERS]:
        channels.require_read(call, channel, user)
    message = call.body.get("message")
    taken = message_service.take_message(call, message) if message else None
    for name in ("add_filter_tags", "remove_filter_tags", "add_moderators", "demote_moderators"):
        call.texts(name, call.body)
    answered = changes.change(call, channel, user)
    data = call.body.get("data")
    if isinstance(data, Mapping) or call.body.get("cooldown") is not None:
        _replace_data(call, channel, user, data if isinstance(data, Mapping) else {})
    _change_tags(call, channel, user)
    result: dict[str, Any] = {}
    if taken is not None and isinstance(message, Mapping) and answered is not False:
        author = user or people.acting_user(call, message)
        taken.fields["type"] = "system" if call.actor.is_server else None
        posted = message_service.send(call, channel, taken, author)
        posted.type = "system"
        result["message"] = message_view(call.sandbox, posted)
    people_in = call.store.index(MEMBERS_OF).of(channel.cid)[:100]
    result |= {
        "channel": channel_view(call.sandbox, channel, user),
        "members": [member_view(call.sandbox, member) for member in people_in],
    }
    return result


def _replace_data(call: Call, channel: Channel, user: User | None, data: Mapping[str, Any]) -> None:
    if user is not None:
        require(call, channel, user, "update-channel")
    taken = channels.take_channel(call, data)
    if call.body.get("cooldown") is not None:
        taken.fields["cooldown"] = call.number("cooldown", 0, high=3600, source=call.body)
    require_fields(call, channel, user, taken.fields)
    before = channel.custom
    channel.custom = {}
    try:
        channels.apply(call, channel, taken)
    except Exception:
        channel.custom = before
        raise
    channels.updated(call, channel, user)


def _change_tags(call: Call, channel: Channel, user: User | None) -> None:
    add, gone = call.texts("add_filter_tags", call.body), call.texts("remove_filter_tags", call.body)
    if add or gone:
        if user is not None:
            require(call, channel, user, "update-channel")
        tags = dict.fromkeys([*(channel.filter_tags or []), *add])
        channel.filter_tags = [tag for tag in tags if tag not in gone]
        channels.updated(call, channel, None)


@DOMAIN.operation("UpdateChannelPartial", "PATCH", "/channels/{type}/{id}", status=200)
def update_channel_partial(call: Call) -> Result:
    """Set and unset single fields."""
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    if user is not None:
        require(call, channel, user, "update-channel")
    to_set, unset = call.mapping("set", call.body), call.texts("unset", call.body)
    fields: dict[str, Any] = {}
    custom = channel.custom
    for name, value in to_set.items():
        if name in CHANNEL_INPUT:
            fields[name] = value
        elif name not in CHANNEL_RESERVED:
            custom = with_path(custom, name, value)
    for name in unset:
        if name in CHANNEL_INPUT:
            fields[name] = None
        else:
            custom = without_path(custom, name)
    channels.check_custom(call, custom, "channel")
    taken = call.take(fields, CHANNEL_INPUT, "set")
    require_fields(call, channel, user, taken.fields)
    channels.apply(call, channel, taken)
    channel.custom = custom
    channels.updated(call, channel, user)
    people_in = call.store.index(MEMBERS_OF).of(channel.cid)[:100]
    return {
        "channel": channel_view(call.sandbox, channel, user),
        "members": [member_view(call.sandbox, member) for member in people_in],
    }


@DOMAIN.operation("DeleteChannel", "DELETE", "/channels/{type}/{id}")
def delete_channel(call: Call) -> Result:
    """Delete a channel with its messages."""
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    if user is not None:
        require(call, channel, user, "delete-channel")
    if call.flag("hard_delete"):
        call.require_server("hard_delete")
    keep = call.flag("skip_truncate") and not call.flag("hard_delete")
    return {"channel": delete_now(call, channel, user, keep_messages=keep)}


FEATURE = Feature(operations=(DOMAIN,), reserved={"channel": CHANNEL_INPUT | CHANNEL_RESERVED})
