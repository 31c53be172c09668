"""Work over many channels: delete, change and export them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS_OF, READS_OF, Channel
from framework.sandbox.chat.channels.removal import delete_now
from framework.sandbox.chat.channels.view import channel_view, member_view, read_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES_OF, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel import tasks
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.wire import parse_time

DOMAIN = Domain("channel_tasks")
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
