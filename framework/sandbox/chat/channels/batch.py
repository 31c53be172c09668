"""Many channels at once: changes, deletion and exports, as tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import (
    CHANNEL_INPUT,
    CHANNELS,
    MEMBERS,
    MEMBERS_OF,
    READS_OF,
    Channel,
    Member,
    pair,
)
from framework.sandbox.chat.channels.removal import delete_now
from framework.sandbox.chat.channels.view import channel_view, member_view, read_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.messages.record import MESSAGES_OF, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.mutes.channels import hide, show
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel import tasks
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.filters import select
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.wire import parse_time

DOMAIN = Domain("channel_batch")
MAX_MEMBERS = 100
_FILTERS = {"cids": "cid", "cid": "cid", "types": "type", "type": "type", "filter_tags": "filter_tags", "team": "team"}
Entries = list[dict[str, Any]]


@DOMAIN.operation("ChannelBatchUpdate", "PUT", "/channels/batch", access=Access.SERVER)
def channel_batch_update(call: Call) -> Result:
    """Change members, visibility or data of many channels."""
    name = call.required_text("operation", call.body)
    change = _OPERATIONS.get(name)
    if change is None:
        raise invalid(f"operation must be one of {', '.join(_OPERATIONS)}")
    found = _matching(call)
    entries = _entries(call, required=name not in ("updateData", "hide", "show", "archive", "unarchive"))
    if name == "updateData":
        _check_data(call)
    result: dict[str, Any] = {}
    for channel in found:
        try:
            change(call, channel, entries)
            result[channel.cid] = tasks.OK
        except ApiError as error:
            result[channel.cid] = {"status": "error", "error": error.reason}
    statuses = {cid: outcome["status"] for cid, outcome in result.items()}
    return {"task_id": tasks.completed(call, "channels.batch", result), "result": statuses}


def _matching(call: Call) -> list[Channel]:
    conditions = call.mapping("filter", call.body)
    if not conditions:
        raise invalid("filter is a required field")
    wanted: dict[str, Any] = {}
    for name, operand in conditions.items():
        if name not in _FILTERS:
            raise invalid(f"filter: {name} must be one of {', '.join(_FILTERS)}")
        wanted[_FILTERS[name]] = {"$in": operand} if isinstance(operand, list) else operand
    return select(call.store[CHANNELS], wanted, getattr)


def _entries(call: Call, *, required: bool) -> Entries:
    raw = call.body.get("members")
    if required and not raw:
        raise invalid("members is a required field")
    if isinstance(raw, list) and len(raw) > MAX_MEMBERS:
        raise invalid(f"at most {MAX_MEMBERS} members can be named at once")
    return memberships.named_members(call, raw, "members")


def _add(call: Call, channel: Channel, entries: Entries, *, invite: bool = False) -> None:
    added = memberships.add_members(call, channel, list(entries), None, invite=invite)
    since = call.time("hide_history_before", call.body)
    for member in added if since is not None else []:
        member.hide_messages_before = since
        call.store[MEMBERS].put(member)


def _remove(call: Call, channel: Channel, entries: Entries) -> None:
    memberships.remove_members(call, channel, [entry["user_id"] for entry in entries], None)


def _assign(role: str | None) -> Callable[[Call, Channel, Entries], None]:
    def assign(call: Call, channel: Channel, entries: Entries) -> None:
        for entry in entries:
            if pair(channel.cid, entry["user_id"]) in call.store[MEMBERS] or role == "channel_moderator":
                memberships.assign(call, channel, entry["user_id"], role or entry.get("channel_role"))

    return assign


def _for_each(change: Callable[[Call, Channel, Member], None]) -> Callable[[Call, Channel, Entries], None]:
    """Return a change for the named members of a channel that are members of it."""

    def apply(call: Call, channel: Channel, entries: Entries) -> None:
        for user_id in [entry["user_id"] for entry in entries] or channels.member_ids(call, channel):
            member = call.store[MEMBERS].get(pair(channel.cid, people.existing(call, user_id).id))
            if member is not None:
                change(call, channel, member)

    return apply


def _archive(call: Call, channel: Channel, member: Member) -> None:
    member.archived_at = call.now
    memberships.updated(call, channel, member)


def _unarchive(call: Call, channel: Channel, member: Member) -> None:
    member.archived_at = None
    memberships.updated(call, channel, member)


def _check_data(call: Call) -> None:
    data = call.mapping("data", call.body)
    call.take(data, CHANNEL_INPUT, "data")
    if not data and not call.mapping("custom_set", call.body) and not call.texts("custom_unset", call.body):
        raise invalid("data is a required field")
    if data.get("custom") is not None and (call.body.get("custom_set") or call.body.get("custom_unset")):
        raise invalid("data.custom cannot be combined with custom_set or custom_unset")


def _update_data(call: Call, channel: Channel, _entries: Entries) -> None:
    data = dict(call.mapping("data", call.body))
    replaced = data.pop("custom", None)
    if replaced is not None and not isinstance(replaced, Mapping):
        raise invalid("data.custom must be an object")
    custom = dict(replaced) if replaced is not None else channel.custom
    for name, value in call.mapping("custom_set", call.body).items():
        custom = with_path(custom, name, value)
    for name in call.texts("custom_unset", call.body):
        custom = without_path(custom, name)
    channels.check_custom(call, custom, "channel")
    channels.apply(call, channel, call.take(data, CHANNEL_INPUT, "data"))
    channel.custom = {**custom, **call.take(data, CHANNEL_INPUT, "data").custom}
    channels.updated(call, channel, None)


_OPERATIONS: dict[str, Callable[[Call, Channel, Entries], None]] = {
    "addMembers": _add,
    "removeMembers": _remove,
    "inviteMembers": lambda call, channel, entries: _add(call, channel, entries, invite=True),
    "assignRoles": _assign(None),
    "addModerators": _assign("channel_moderator"),
    "demoteModerators": _assign("channel_member"),
    "hide": _for_each(hide),
    "show": _for_each(show),
    "archive": _for_each(_archive),
    "unarchive": _for_each(_unarchive),
    "updateData": _update_data,
}


MAX_CHANNELS = 100
MAX_EXPORTED = 25


@DOMAIN.operation("DeleteChannels", "POST", "/channels/delete")
def delete_channels(call: Call) -> Result:
    """Delete channels as a task."""
    cids = call.texts("cids", call.body)
    if not cids:
        raise invalid("cids is a required field")
    if len(cids) > MAX_CHANNELS:
        raise invalid(f"at most {MAX_CHANNELS} channels can be deleted at once")
    call.require_server("deleting several channels")
    keep = call.flag("skip_truncate", call.body) and not call.flag("hard_delete", call.body)
    user = people.acting_user_or_none(call)
    result: dict[str, Any] = {}
    for cid in dict.fromkeys(cids):
        channel = call.store[CHANNELS].get(cid)
        if channel is None:
            result[cid] = {"status": "error", "error": f"Can't find channel with id {cid}"}
        else:
            delete_now(call, channel, user, keep_messages=keep)
            result[cid] = tasks.OK
    return {"result": result, "task_id": tasks.completed(call, "channels.delete", result)}


@DOMAIN.operation("ExportChannels", "POST", "/export_channels", access=Access.SERVER)
def export_channels(call: Call) -> Result:
    """Write channels with their messages, members and read states to a file, as a task."""
    wanted = call.objects("channels", call.body)
    if not wanted:
        raise invalid("channels is a required field")
    if len(wanted) > MAX_EXPORTED:
        raise invalid(f"at most {MAX_EXPORTED} channels can be exported at once")
    found = [(_exported_channel(call, entry), entry) for entry in wanted]
    content: Any = {"channels": [_exported(call, channel, entry) for channel, entry in found]}
    if call.flag("export_users", call.body):
        ids = {m.user_id for channel, _ in found for m in call.store.index(MEMBERS_OF).of(channel.cid)}
        content["users"] = [user_by_id(call.sandbox, user_id) for user_id in sorted(ids)]
    return {"task_id": tasks.export(call, "channels", content)}


def _exported_channel(call: Call, entry: Mapping[str, Any]) -> Channel:
    cid = call.text("cid", entry) or f"{call.required_text('type', entry)}:{call.required_text('id', entry)}"
    return channels.by_cid(call, cid)


def _exported(call: Call, channel: Channel, entry: Mapping[str, Any]) -> dict[str, Any]:
    since, until = (
        parse_time(entry[name], name) if entry.get(name) else None for name in ("messages_since", "messages_until")
    )
    clear = call.flag("clear_deleted_message_text", call.body)

    def within(message: Message) -> bool:
        return (since is None or message.created_at >= since) and (until is None or message.created_at <= until)

    messages = [message_view(call.sandbox, m) for m in call.store.index(MESSAGES_OF).of(channel.cid) if within(m)]
    for view in messages:
        if clear and view.get("deleted_at") is not None:
            view.fields["text"] = view.fields["html"] = ""
    return {
        "channel": channel_view(call.sandbox, channel),
        "messages": messages,
        "members": [member_view(call.sandbox, member) for member in call.store.index(MEMBERS_OF).of(channel.cid)],
        "reads": [read_view(call.sandbox, read) for read in call.store.index(READS_OF).of(channel.cid)],
    }


FEATURE = Feature(operations=(DOMAIN,))
