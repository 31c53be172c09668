"""What `/sync` replays: stored events for what leaves no trace, and the rest told from the messages themselves.

A message that was sent or changed says so itself; keeping its event as well would double every write.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from framework.sandbox.chat.history.records import PAST_EVENTS, PAST_EVENTS_OF, PastEvent
from framework.sandbox.chat.messages.record import MESSAGES_OF, REACTIONS_TO, Message
from framework.sandbox.chat.messages.view import message_view, reaction_view
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.wire import Dialect

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.realtime.event import Event
    from framework.sandbox.kernel.sandbox import Sandbox

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
    body = orjson.loads(Dialect.V1.encode(event.body()))
    receiver = users[0] if len(users) == 1 and event.audience.watching is None else None
    record = PastEvent(sandbox.ids.new(), event.cid, event.type, event.at, body, receiver)
    sandbox.store[PAST_EVENTS].put(record)


def since(call: Call, cid: str, at: datetime, user_id: str | None) -> list[tuple[datetime, dict[str, Any]]]:
    """The events of a channel after a time, for a user."""
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
