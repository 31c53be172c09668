"""Unread counts: by channel and user, and over all channels of a user."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from framework.sandbox.chat.channels.record import MEMBERSHIPS_OF, READS, READS_OF, Read, pair
from framework.sandbox.chat.messages.record import TIMELINES, Message, by_time
from framework.sandbox.chat.mutes import rules as mutes
from framework.sandbox.chat.threads import rules as threads

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.kernel.sandbox import Sandbox


def counts(message: Message) -> bool:
    """Return whether a message makes a channel unread."""
    hidden = message.silent or message.shadowed or message.pending
    return message.in_channel and not hidden and message.deleted_at is None


def _counts_for(sandbox: Sandbox, message: Message, user_id: str) -> bool:
    """Return whether a message makes a channel unread for a user: another's, and one that it may see."""
    if message.user_id == user_id or mutes.is_muted(sandbox, user_id, message.user_id):
        return False
    return not message.restricted_visibility or user_id in message.restricted_visibility


def of(sandbox: Sandbox, read: Read) -> int:
    """Return how many messages of others a user has not read in a channel."""
    if read._unread is None:  # noqa: SLF001 - this module keeps the derived count
        line = sandbox.store.index(TIMELINES).channel(read.cid)
        start = bisect_right(line, read.last_read, key=by_time)
        news = [message for message in line[start:] if counts(message)]
        read._unread = sum(1 for message in news if _counts_for(sandbox, message, read.user_id))  # noqa: SLF001
    return read._unread  # noqa: SLF001


def add(sandbox: Sandbox, message: Message) -> None:
    """Count a message that was just sent for everyone but its author."""
    if not counts(message):
        return
    for read in sandbox.store.index(READS_OF).of(message.cid):
        if read._unread is not None and _counts_for(sandbox, message, read.user_id):  # noqa: SLF001
            read._unread += 1  # noqa: SLF001


def recount(sandbox: Sandbox, cid: str) -> None:
    """Forget the counts of a channel: messages went, or came back."""
    for read in sandbox.store.index(READS_OF).of(cid):
        read._unread = None  # noqa: SLF001


def mark(sandbox: Sandbox, cid: str, user_id: str, at: datetime, message_id: str | None) -> Read:
    """Set how far a user has read; returns the stored state."""
    read = sandbox.store[READS].get(pair(cid, user_id)) or Read(cid, user_id, at)
    read.last_read = at
    read.last_read_message_id = message_id
    read._unread = None  # noqa: SLF001
    return sandbox.store[READS].put(read)


def totals(sandbox: Sandbox, user_id: str) -> dict[str, int]:
    """A user's counts over all its channels, as events and `me` carry them."""
    messages = channels = 0
    for member in sandbox.store.index(MEMBERSHIPS_OF).of(user_id):
        read = sandbox.store[READS].get(pair(member.cid, user_id))
        amount = of(sandbox, read) if read is not None else 0
        if amount and mutes.channel_mute(sandbox, member.cid, user_id) is not None:
            continue
        messages += amount
        channels += amount > 0
    return {
        "total_unread_count": messages,
        "unread_count": messages,
        "unread_channels": channels,
        "unread_threads": len(threads.unread_threads(sandbox, user_id)),
    }
