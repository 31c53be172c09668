"""Threads as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.threads import rules as threads
from framework.sandbox.chat.threads.record import PARTICIPANTS_OF, Participant, Thread
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox

MAX_PARTICIPANTS = 100


def thread_view(
    sandbox: Sandbox, thread: Thread, viewer_id: str | None = None, *, participants: int = MAX_PARTICIPANTS
) -> Entity:
    """Return a thread without its replies, as events and partial updates carry it."""
    store = sandbox.store
    involved = store.index(PARTICIPANTS_OF).of(thread.parent_message_id)
    alive = replies(sandbox, thread)
    fields: dict[str, Any] = {
        "channel_cid": thread.cid,
        "parent_message_id": thread.parent_message_id,
        "created_by_user_id": thread.created_by_user_id,
        "created_by": user_by_id(sandbox, thread.created_by_user_id),
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "title": thread.title,
        "reply_count": len(alive),
        "participant_count": len(involved),
        "active_participant_count": len({reply.user_id for reply in alive}),
        "thread_participants": [_participant_view(sandbox, thread, one) for one in involved[:participants]],
    }
    if alive:
        fields["last_message_at"] = alive[-1].created_at
    parent, channel = store[MESSAGES].get(thread.parent_message_id), store[CHANNELS].get(thread.cid)
    if parent is not None:
        fields["parent_message"] = message_view(sandbox, parent, viewer_id)
    if channel is not None:
        fields["channel"] = channel_view(sandbox, channel)
    return Entity(fields, thread.custom)


def replies(sandbox: Sandbox, thread: Thread) -> list[Message]:
    """The replies that everyone may see, oldest first."""
    line = sandbox.store.index(TIMELINES).replies(thread.parent_message_id)
    return [reply for reply in line if reply.deleted_at is None and not reply.pending and not reply.shadowed]


def reads_view(sandbox: Sandbox, thread: Thread) -> list[dict[str, Any]]:
    """How far each participant has read a thread."""
    reads = []
    for participant in sandbox.store.index(PARTICIPANTS_OF).of(thread.parent_message_id):
        read: dict[str, Any] = {
            "user": user_by_id(sandbox, participant.user_id),
            "last_read": participant.last_read_at,
            "unread_messages": threads.unread_in(sandbox, participant),
        }
        if participant.last_read_message_id is not None:
            read["last_read_message_id"] = participant.last_read_message_id
        reads.append(read)
    return reads


def _participant_view(sandbox: Sandbox, thread: Thread, participant: Participant) -> Entity:
    fields: dict[str, Any] = {
        "channel_cid": thread.cid,
        "thread_id": thread.parent_message_id,
        "user_id": participant.user_id,
        "user": user_by_id(sandbox, participant.user_id),
        "created_at": participant.created_at,
        "last_read_at": participant.last_read_at,
    }
    if participant.last_thread_message_at is not None:
        fields["last_thread_message_at"] = participant.last_thread_message_at
    return Entity(fields, {})
