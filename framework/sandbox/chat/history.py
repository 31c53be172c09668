"""The history of channels that `/sync` replays: stored events for what leaves no trace, the rest from the messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.channels.state import watch
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES_OF, REACTIONS_TO, Message
from framework.sandbox.chat.messages.view import message_view, reaction_view
from framework.sandbox.chat.permissions.rules import capabilities
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped
from framework.sandbox.kernel.wire import Json, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.kernel.realtime.event import Event
    from framework.sandbox.kernel.sandbox import Sandbox


@dataclass(slots=True)
class PastEvent(Record):
    """An event as it was sent (v1), for one channel; `user_id` names its only receiver where it had one."""

    KEY = ("id",)

    id: str
    cid: str
    type: str
    at: datetime
    body: dict[str, Any]
    user_id: str | None = None


PAST_EVENTS = Table("past_events", PastEvent)
PAST_EVENTS_OF = grouped(PAST_EVENTS, lambda event: event.cid)


KEPT_FOR = timedelta(days=30)
KEPT = frozenset(
    {
        "reaction.deleted", "channel.created", "channel.updated", "channel.deleted", "channel.truncated",
        "member.added", "member.removed", "notification.added_to_channel", "notification.removed_from_channel",
        "notification.invited", "message.undeleted",
    }
)  # fmt: skip


def keep(sandbox: Sandbox, event: Event) -> None:
    """Store an event that `/sync` could not tell otherwise; called with the call's changes, before their commit."""
    hard = event.type == "message.deleted" and event.payload.get("hard_delete") is True
    if event.cid is None or not (event.type in KEPT or hard):
        return
    users = event.audience.users
    body = orjson.loads(WireDialect.V1.encode(event.body()))
    receiver = users[0] if len(users) == 1 and event.audience.watching is None else None
    record = PastEvent(sandbox.ids.new(), event.cid, event.type, event.at, body, receiver)
    sandbox.store[PAST_EVENTS].put(record)


def since(call: Call, cid: str, at: datetime, user_id: str | None) -> list[tuple[datetime, dict[str, Any]]]:
    """Return the events of a channel after a time, for a user."""
    stored = [
        (event.at, event.body)
        for event in call.store.index(PAST_EVENTS_OF).of(cid)
        if event.at > at and event.user_id in (None, user_id)
    ]
    for message in call.store.index(MESSAGES_OF).of(cid):
        stored.extend(_of_message(call, message, at, user_id))
    return stored


def _of_message(
    call: Call, message: Message, at: datetime, user_id: str | None
) -> list[tuple[datetime, dict[str, Any]]]:
    if message.shadowed and message.user_id != user_id:
        return []
    told: list[tuple[str, datetime, dict[str, Any]]] = []
    if message.created_at > at:
        told.append(("message.new", message.created_at, {}))
    elif message.deleted_at is not None and message.deleted_at > at:
        told.append(("message.deleted", message.deleted_at, {"hard_delete": False}))
    elif message.updated_at > at:
        told.append(("message.updated", message.updated_at, {}))
    for reaction in call.store.index(REACTIONS_TO).of(message.id):
        if reaction.updated_at > at:
            kind = "reaction.new" if reaction.created_at == reaction.updated_at else "reaction.updated"
            told.append((kind, reaction.updated_at, {"reaction": reaction_view(call.sandbox, reaction)}))
    channel_type, _, channel_id = message.cid.partition(":")
    events = []
    for kind, when, more in told:
        author = more["reaction"]["user_id"] if "reaction" in more else message.user_id
        body = {
            "type": kind,
            "cid": message.cid,
            "channel_id": channel_id,
            "channel_type": channel_type,
            "message": message_view(call.sandbox, message, user_id),
            "message_id": message.id,
            "user": user_by_id(call.sandbox, author),
            "created_at": when,
            **more,
        }
        events.append((when, body))
    return events


DOMAIN = Domain("sync")
MAX_CHANNELS = 255
MAX_EVENTS = 1000


@DOMAIN.operation("Sync", "POST", "/sync")
def sync(call: Call) -> Result:
    """Return the events of some channels since a time; `watch` watches them on the way."""
    cids = call.texts("channel_cids", call.body)
    if not 1 <= len(cids) <= MAX_CHANNELS:
        raise invalid(f"channel_cids must have between 1 and {MAX_CHANNELS} items")
    at = call.time("last_sync_at", call.body)
    if at is None:
        raise invalid("last_sync_at is a required field")
    if at < call.now - KEPT_FOR:
        raise invalid("last_sync_at cannot be older than 30 days")
    user = people.acting_user_or_none(call)
    found: list[tuple[Any, dict[str, Any]]] = []
    inaccessible = []
    for cid in dict.fromkeys(cids):
        channel = call.store[CHANNELS].get(cid)
        readable = channel is not None and (
            call.actor.is_server or (user is not None and "read-channel" in capabilities(call.sandbox, channel, user))
        )
        viewer = user.id if user is not None else None
        if channel is None or not readable:
            inaccessible.append(cid)
            gone = since(call, cid, at, viewer) if channel is None else []
            found.extend(item for item in gone if item[1]["type"] == "channel.deleted")
            found.extend(_removal(call, cid, at, viewer) if channel is not None else [])
            continue
        if call.flag("watch") and user is not None:
            watch(call, channel, user)
        found.extend(since(call, cid, at, viewer))
    if len(found) > MAX_EVENTS:
        raise invalid(f"too many events to sync (more than {MAX_EVENTS}): query the channels instead")
    found.sort(key=lambda item: item[0])
    result: dict[str, Any] = {"events": [body for _, body in found]}
    if call.flag("with_inaccessible_cids"):
        result["inaccessible_cids"] = inaccessible
    return result


def _removal(call: Call, cid: str, at: datetime, user_id: str | None) -> list[tuple[datetime, dict[str, Json]]]:
    kind = "notification.removed_from_channel"
    return [item for item in since(call, cid, at, user_id) if item[1]["type"] == kind]


FEATURE = Feature(operations=(DOMAIN,))
