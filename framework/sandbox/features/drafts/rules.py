"""Drafts: their records, finding, showing and dropping them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.realtime.event import to_users
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped
from framework.sandbox.kernel.wire import Entity, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.threads.record import Thread
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class StoredDraft(Record):
    """A user's draft for a channel, or for a thread of it. Attachments are as in messages."""

    cid: str
    user_id: str
    id: str
    created_at: datetime
    updated_at: datetime
    parent_id: str | None = None
    text: str = ""
    type: str = "regular"
    attachments: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Channel, thread and user: there is one draft for each."""
        return draft_key(self.cid, self.user_id, self.parent_id)


def draft_key(cid: str, user_id: str, parent_id: str | None) -> str:
    """Return the key of the one draft that a user has in a channel or thread."""
    return f"{cid}/{user_id}/{parent_id or ''}"


DRAFTS = Table("drafts", StoredDraft)
DRAFTS_OF = grouped(DRAFTS, lambda draft: draft.user_id)
DRAFTS_IN = grouped(DRAFTS, lambda draft: draft.cid)


def of(call: Call, cid: str, user_id: str, parent_id: str | None = None) -> StoredDraft | None:
    """Return a user's draft in a channel or thread."""
    return call.store[DRAFTS].get(draft_key(cid, user_id, parent_id))


def drop(call: Call, draft: StoredDraft) -> None:
    """Remove a draft and tell its user's connections."""
    call.store[DRAFTS].remove(draft.key)
    tell(call, "draft.deleted", draft)


def drop_sent(call: Call, message: Message) -> None:
    """Remove the draft of a message that was just sent."""
    draft = of(call, message.cid, message.user_id, message.parent_id) if len(call.store[DRAFTS]) else None
    if draft is not None:
        drop(call, draft)


def forget_thread(call: Call, message: Message) -> None:
    """Drop the drafts in the thread of a message that is gone for good."""
    for draft in call.store.index(DRAFTS_IN).of(message.cid):
        if draft.parent_id == message.id:
            call.store[DRAFTS].remove(draft.key)


def channel_state(call: Call, channel: Channel, user: User | None) -> dict[str, Any]:
    """Return the user's draft in a channel."""
    draft = of(call, channel.cid, user.id) if user is not None else None
    return {"draft": view(call, draft)} if draft is not None else {}


def thread_fields(call: Call, thread: Thread, user_id: str) -> dict[str, Any]:
    """Return the user's draft in a thread."""
    draft = of(call, thread.cid, user_id, thread.parent_message_id)
    return {"draft": view(call, draft)} if draft is not None else {}


def tell(call: Call, kind: str, draft: StoredDraft) -> None:
    """draft.updated or draft.deleted to the user's own connections."""
    payload: dict[str, Any] = {"draft": view(call, draft, dialect=WireDialect.V1)}
    if draft.parent_id is not None:
        payload["parent_id"] = draft.parent_id
    call.emit(to_users(kind, call.now, (draft.user_id,), payload, draft.cid))


def view(call: Call, draft: StoredDraft, *, dialect: WireDialect | None = None) -> dict[str, Any]:
    """Return a draft with its channel, and the messages that it answers or quotes. Events speak v1."""
    sandbox, store = call.sandbox, call.store
    message: dict[str, Any] = {
        "id": draft.id,
        "text": draft.text,
        "type": draft.type,
        "attachments": [Entity(item["fields"], item["custom"]) for item in draft.attachments],
        **draft.fields,
    }
    if draft.parent_id is not None:
        message["parent_id"] = draft.parent_id
    mentioned = draft.fields.get("mentioned_users")
    if mentioned and (dialect or call.dialect) is WireDialect.V2:
        # v1 names the mentioned users by id, v2 shows them.
        message["mentioned_users"] = [user_by_id(sandbox, user_id) for user_id in mentioned]
    shown: dict[str, Any] = {
        "channel_cid": draft.cid,
        "created_at": draft.created_at,
        "message": Entity(message, draft.custom),
    }
    channel = store[CHANNELS].get(draft.cid)
    if channel is not None:
        shown["channel"] = channel_view(sandbox, channel)
    if draft.parent_id is not None:
        shown["parent_id"] = draft.parent_id
    for name, message_id in (
        ("parent_message", draft.parent_id),
        ("quoted_message", draft.fields.get("quoted_message_id")),
    ):
        found = store[MESSAGES].get(message_id) if message_id else None
        if found is not None:
            shown[name] = message_view(sandbox, found, draft.user_id)
    return shown
