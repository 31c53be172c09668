"""Threads: what is known of a message's replies beside the replies themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

THREAD_RESERVED = frozenset(
    {
        "id", "type", "user", "channel", "channel_cid", "parent_message", "parent_message_id", "created_at",
        "created_by", "created_by_user_id", "updated_at", "deleted_at", "last_message_at", "reply_count",
        "participants", "participant_count", "active_participant_count", "thread_participants", "latest_replies",
        "read", "draft", "custom",
    }
)  # fmt: skip
"""Fields of answers, which a partial update may not set."""


@dataclass(slots=True)
class Thread(Record):
    """The thread under a message; it comes with the first reply."""

    KEY = ("parent_message_id",)

    parent_message_id: str
    cid: str
    created_by_user_id: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Participant(Record):
    """A user who wrote in a thread, or whose message started it, and how far that user has read it."""

    KEY = ("parent_message_id", "user_id")

    parent_message_id: str
    user_id: str
    created_at: datetime
    last_read_at: datetime
    last_read_message_id: str | None = None
    last_thread_message_at: datetime | None = None


THREADS = Table("threads", Thread)
PARTICIPANTS = Table("thread_participants", Participant)
THREADS_OF = grouped(THREADS, lambda thread: thread.cid)
PARTICIPANTS_OF = grouped(PARTICIPANTS, lambda participant: participant.parent_message_id)
PARTICIPATIONS_OF = grouped(PARTICIPANTS, lambda participant: participant.user_id)
