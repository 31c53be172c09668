"""Queries of channels, and of channels in groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import (
    CHANNELS,
    MEMBERS,
    MEMBERS_OF,
    MEMBERSHIPS_OF,
    READS,
    Channel,
    Member,
    pair,
)
from framework.sandbox.chat.channels.state import channel_state, watch
from framework.sandbox.chat.channels.view import last_message_at
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import TIMELINES
from framework.sandbox.chat.mutes import rules as relations
from framework.sandbox.chat.permissions.rules import capabilities
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query import predefined
from framework.sandbox.kernel.query.filters import ValueOf, compile_filter, dig
from framework.sandbox.kernel.query.paging import cut
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json

DOMAIN = Domain("queries")
MAX_CHANNELS = 30


@DOMAIN.operation("QueryChannels", "POST", "/channels")
def query_channels(call: Call) -> Result:
    """Channels by a filter, sorted and paged, each with its state; optionally watched."""
    user = people.acting_user_or_none(call)
    expanded = predefined.expand(call)
    conditions = call.mapping("filter_conditions")
    value_of = channel_values(call, user)
    matches = compile_filter(conditions, value_of)
    mentioned = _mentioned(conditions)
    found = []
    for channel in candidates(call, user, conditions):
        if not call.actor.is_server and not _readable(call, channel, user):
            continue
        if any(name not in mentioned and value_of(channel, name) for name in ("hidden", "blocked")):
            continue
        if not conditions or matches(channel):
            found.append(channel)
    order = parse_sort(call.payload.get("sort")) or [("last_updated", True)]
    limit = call.number("limit", 10, high=MAX_CHANNELS)
    offset = call.number("offset", 0)
    page = sort(found, order, value_of)[offset : offset + (limit or 10)]
    named = {"predefined_filter": expanded} if expanded is not None else {}
    return {"channels": [_state(call, channel, user) for channel in page], **named}


@DOMAIN.operation("GetChannel", "GET", "/channels/{type}/{id}")
def get_channel(call: Call) -> Result:
    """Return a channel's state. Never creates the channel."""
    channel, user = channels.find(call), people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    bounds = ("limit", "id_lt", "id_lte", "id_gt", "id_gte", "id_around")
    messages = {name: value for name in bounds if (value := call.payload.get(f"messages_{name}")) is not None}
    members = {"limit": call.payload["members_limit"]} if "members_limit" in call.payload else {}
    watchers = {"limit": call.payload["watchers_limit"]} if "watchers_limit" in call.payload else None
    state = call.flag("state", default=True)
    return channel_state(call, channel, user, messages=messages, members=members, watchers=watchers, state=state)


def _mentioned(conditions: Mapping[str, Any]) -> set[str]:
    """Return the fields that a filter asks about, at any depth."""
    names: set[str] = set()
    for name, operand in conditions.items():
        names.add(name)
        if name.startswith("$") and isinstance(operand, list):
            names |= {inner for part in operand if isinstance(part, Mapping) for inner in _mentioned(part)}
    return names


def candidates(call: Call, user: User | None, conditions: dict[str, Any]) -> Iterable[Channel]:
    """Channels worth testing: the one that the filter names, those of a member that it asks for, else all."""
    if isinstance(cid := conditions.get("cid"), str):
        named = call.store[CHANNELS].get(cid)
        return [named] if named is not None else []
    wanted = conditions.get("members")
    if isinstance(wanted, dict) and isinstance(wanted.get("$in"), list) and len(wanted) == 1:
        ids = [item for item in wanted["$in"] if isinstance(item, str)]
        cids = dict.fromkeys(m.cid for user_id in ids for m in call.store.index(MEMBERSHIPS_OF).of(user_id))
        return [channel for cid in cids if (channel := call.store[CHANNELS].get(cid)) is not None]
    return call.store[CHANNELS]


def _readable(call: Call, channel: Channel, user: User | None) -> bool:
    return user is not None and "read-channel" in capabilities(call.sandbox, channel, user)


def _state(call: Call, channel: Channel, user: User | None) -> dict[str, Any]:
    if call.flag("watch"):
        watch(call, channel, people.acting_user(call))
    messages = {"limit": call.payload["message_limit"]} if call.payload.get("message_limit") is not None else {}
    members = {"limit": call.payload["member_limit"]} if call.payload.get("member_limit") is not None else {}
    return channel_state(
        call, channel, user, messages=messages, members=members, state=call.flag("state", default=True)
    )


def channel_values(call: Call, user: User | None) -> ValueOf[Channel]:
    """How filters and sorts read a channel, for a user."""
    store = call.store

    def membership(channel: Channel) -> Member | None:
        return store[MEMBERS].get(pair(channel.cid, user.id)) if user is not None else None

    def unread_count(channel: Channel) -> int:
        read = store[READS].get(pair(channel.cid, user.id)) if user is not None else None
        return unread.of(call.sandbox, read) if read is not None else 0

    def member_names(channel: Channel) -> list[str]:
        users = (store[USERS].get(member.user_id) for member in store.index(MEMBERS_OF).of(channel.cid))
        return [one.name for one in users if one is not None and one.name]

    special: dict[str, Any] = {
        "members": lambda channel: [member.user_id for member in store.index(MEMBERS_OF).of(channel.cid)],
        "member.user.name": member_names,
        "member_count": lambda channel: store.index(MEMBERS_OF).count(channel.cid),
        "message_count": lambda channel: len(store.index(TIMELINES).channel(channel.cid)),
        "last_message_at": lambda channel: last_message_at(call.sandbox, channel),
        "last_updated": lambda channel: last_message_at(call.sandbox, channel) or channel.created_at,
        "has_unread": lambda channel: unread_count(channel) > 0,
        "unread_count": unread_count,
        "hidden": lambda channel: user is not None and relations.is_hidden(call.sandbox, channel.cid, user.id),
        "blocked": lambda channel: user is not None and relations.is_blocked(call.sandbox, channel.cid, user.id),
        "muted": lambda channel: user is not None and bool(relations.channel_mute(call.sandbox, channel.cid, user.id)),
        "pinned": lambda channel: bool((member := membership(channel)) and member.pinned_at),
        "pinned_at": lambda channel: (member := membership(channel)) and member.pinned_at,
        "archived": lambda channel: bool((member := membership(channel)) and member.archived_at),
        "joined": lambda channel: membership(channel) is not None,
        "invite": lambda channel: _invite(membership(channel)),
        "distinct": lambda channel: channel.id.startswith("!members-"),
        "created_by": lambda channel: channel.created_by_id,
    }

    def value_of(channel: Channel, name: str) -> Json:
        if name in special:
            return special[name](channel)
        if name in Channel.names() and name != "custom":
            return getattr(channel, name)
        return dig(channel.custom, name.removeprefix("custom."))

    return value_of


def _invite(member: Member | None) -> str | None:
    if member is None or not member.invited:
        return None
    if member.invite_accepted_at is not None:
        return "accepted"
    return "rejected" if member.invite_rejected_at is not None else "pending"


MAX_IN_GROUP = 10


@DOMAIN.operation("GroupedQueryChannels", "POST", "/channels/grouped")
def grouped_query_channels(call: Call) -> Result:
    """Return the first channels of each group, the latest first; of one group also a further page."""
    user = people.acting_user(call)
    limit = call.number("limit", MAX_IN_GROUP, low=1, high=MAX_IN_GROUP, source=call.body)
    mine = _channels(call, user)
    wanted = _wanted(call, mine)
    return {"groups": {name: _bucket(call, user, mine.get(name, []), options, limit) for name, options in wanted}}


def _channels(call: Call, user: User) -> dict[str, list[Channel]]:
    """Return the user's visible channels by filter tag."""
    value_of = channel_values(call, user)
    found: dict[str, list[Channel]] = {}
    for member in call.store.index(MEMBERSHIPS_OF).of(user.id):
        channel = call.store[CHANNELS].get(member.cid)
        if channel is None or value_of(channel, "hidden") or value_of(channel, "blocked"):
            continue
        for tag in channel.filter_tags or []:
            found.setdefault(tag, []).append(channel)
    return {tag: sort(channels, [("last_updated", True)], value_of) for tag, channels in found.items()}


def _wanted(call: Call, mine: Mapping[str, object]) -> list[tuple[str, Mapping[str, Any]]]:
    """The groups that are asked for with their options; without any, all of the user's. Raises ApiError 400."""
    named = call.mapping("groups", call.body)
    if not named:
        return [(name, {}) for name in sorted(mine)]
    wanted: list[tuple[str, Mapping[str, Any]]] = []
    for name, options in named.items():
        if options is not None and not isinstance(options, Mapping):
            raise invalid(f"groups.{name} must be an object")
        wanted.append((str(name), options or {}))
    if len(wanted) > 1 and any(options.get("next") or options.get("prev") for _, options in wanted):
        raise invalid("next and prev are only allowed when exactly one group is requested")
    return wanted


def _bucket(
    call: Call, user: User, channels: list[Channel], options: Mapping[str, Any], default: int
) -> dict[str, Any]:
    limit = call.number("limit", default, low=1, high=MAX_IN_GROUP, source=options)
    page = cut(channels, limit, call.text("next", options) or call.text("prev", options))
    value_of = channel_values(call, user)
    if call.flag("watch", call.body):
        for channel in page.items:
            watch(call, channel, user)
    return {
        "channels": [channel_state(call, channel, user) for channel in page.items],
        "unread_channels": sum(1 for channel in channels if value_of(channel, "has_unread")),
        **page.cursors(),
    }


FEATURE = Feature(operations=(DOMAIN,))
