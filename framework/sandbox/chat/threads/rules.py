"""Threads: who takes part, and what each has read."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES, Message, by_time
from framework.sandbox.chat.threads.record import (
    PARTICIPANTS,
    PARTICIPANTS_OF,
    PARTICIPATIONS_OF,
    THREADS,
    Participant,
    Thread,
)

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.sandbox import Sandbox


def note_reply(call: Call, reply: Message) -> None:
    """Keep the thread's record in step with a reply that was just stored."""
    if reply.parent_id is None:
        return
    parent = call.store[MESSAGES].get(reply.parent_id)
    if parent is None:
        return
    if parent.id not in call.store[THREADS]:
        thread = Thread(parent.id, parent.cid, parent.user_id, reply.created_at, reply.created_at)
        call.store[THREADS].put(thread)
    if pair(parent.id, parent.user_id) not in call.store[PARTICIPANTS]:
        # The thread's author has read nothing of it: not even the first reply.
        call.store[PARTICIPANTS].put(Participant(parent.id, parent.user_id, reply.created_at, parent.created_at))
    author = call.store[PARTICIPANTS].get(pair(parent.id, reply.user_id))
    if author is None:
        author = Participant(parent.id, reply.user_id, reply.created_at, reply.created_at)
    author.last_read_at, author.last_read_message_id = reply.created_at, reply.id
    author.last_thread_message_at = reply.created_at
    call.store[PARTICIPANTS].put(author)


def forget(call: Call, parent_id: str) -> None:
    """Drop the thread of a message that is gone for good."""
    if call.store[THREADS].remove(parent_id) is not None:
        for participant in call.store.index(PARTICIPANTS_OF).of(parent_id):
            call.store[PARTICIPANTS].remove(participant.key)


def unread_in(sandbox: Sandbox, participant: Participant) -> int:
    """Return how many replies of others a participant has not read."""
    line = sandbox.store.index(TIMELINES).replies(participant.parent_message_id)
    if not line or line[-1].created_at <= participant.last_read_at:
        return 0
    start = bisect_right(line, participant.last_read_at, key=by_time)
    return sum(1 for reply in line[start:] if _counts(reply) and reply.user_id != participant.user_id)


def _counts(reply: Message) -> bool:
    return not (reply.shadowed or reply.silent or reply.pending or reply.deleted_at is not None)


def unread_threads(sandbox: Sandbox, user_id: str) -> list[tuple[Participant, int]]:
    """A user's threads that hold unread replies, and how many."""
    index = sandbox.store.index(PARTICIPATIONS_OF)
    if not index.count(user_id):
        return []
    counted = ((participant, unread_in(sandbox, participant)) for participant in index.of(user_id))
    return [(participant, amount) for participant, amount in counted if amount]


def mark_read(call: Call, thread: Thread, user_id: str, at: datetime, message_id: str | None) -> Participant:
    """Set how far a user has read a thread; the user takes part in it from now on."""
    participant = call.store[PARTICIPANTS].get(pair(thread.parent_message_id, user_id))
    if participant is None:
        participant = Participant(thread.parent_message_id, user_id, call.now, at)
    participant.last_read_at, participant.last_read_message_id = at, message_id
    return call.store[PARTICIPANTS].put(participant)


def last_reply(sandbox: Sandbox, thread: Thread) -> Message | None:
    """The newest reply that is not deleted."""
    line = sandbox.store.index(TIMELINES).replies(thread.parent_message_id)
    return next((reply for reply in reversed(line) if reply.deleted_at is None and not reply.pending), None)
