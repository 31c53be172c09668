"""Pinned messages, and when a pin expires."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.state import visible_line
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users import people
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.paging import sort_param
from framework.sandbox.kernel.query.sorting import parse_sort

EXPIRE = "pin.expire"


def plan(call: Call, message: Message) -> None:
    """Take a message's pin off at its time."""
    if message.pinned and message.pin_expires is not None:
        call.sandbox.scheduler.plan(EXPIRE, message.id, message.pin_expires)
    elif not message.pinned:
        call.sandbox.scheduler.cancel(EXPIRE, message.id)


def expire(call: Call, message_id: str) -> None:
    """Take the pin off and tell watchers."""
    message = call.store[MESSAGES].get(message_id)
    if message is None or not message.pinned or message.pin_expires is None:
        return
    message.pinned, message.pinned_at, message.pinned_by_id, message.pin_expires = False, None, None, None
    message.updated_at = call.now
    call.store[MESSAGES].put(message)
    message_events.publish_change(call, "message.updated", message, None)


DOMAIN = Domain("pinned")
MAX_PINNED = 300
_OLDER, _NEWER = -1, 1
_BOUNDS = {"lt": (_OLDER, False), "lte": (_OLDER, True), "gt": (_NEWER, False), "gte": (_NEWER, True)}
_TIMES = {"before": "lt", "before_or_equal": "lte", "after": "gt", "after_or_equal": "gte"}


@DOMAIN.operation("GetPinnedMessages", "GET", "/channels/{type}/{id}/pinned_messages")
def get_pinned_messages(call: Call) -> Result:
    """Return the pinned messages of a channel, the last pinned first unless sorted otherwise.

    `limit`, `offset`; `id_lt`, `id_lte`, `id_gt`, `id_gte`, `id_around`; `pinned_at_before`, `_before_or_equal`,
    `_after`, `_after_or_equal`, `_around`.
    """
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    line = visible_line(call, call.store.index(TIMELINES).channel(channel.cid), channel.cid, user)
    pinned = [item for item in line if is_pinned(item, call.now)]
    pinned.sort(key=_pinned_at)
    order = parse_sort(sort_param(call)) or [("pinned_at", True)]
    page = _window(call, pinned, call.payload, newest_first=order[0][1])
    viewer = user.id if user else None
    return {"messages": [message_view(call.sandbox, item, viewer) for item in page]}


def is_pinned(message: Message, now: datetime) -> bool:
    """Return whether a message is pinned, and its pin has not expired."""
    return message.pinned and message.deleted_at is None and (message.pin_expires is None or message.pin_expires > now)


def _pinned_at(message: Message) -> datetime:
    return message.pinned_at or message.created_at


def _window(call: Call, line: list[Message], params: Mapping[str, Any], *, newest_first: bool) -> list[Message]:
    """Return the part of the line (oldest pin first) that the parameters ask for, in the order they ask for."""
    limit = call.number("limit", 10, high=MAX_PINNED) or 10
    offset = call.number("offset", 0)
    around = _around(call, line, params)
    if around is not None:
        start = max(0, around - limit // 2)
        part = line[start : start + limit]
        return part[::-1] if newest_first else part
    bounds = _bounds(call, line, params)
    within = [item for item in line if all(_passes(_pinned_at(item), *bound) for bound in bounds)]
    # Only a lower bound pages towards newer pins: the ones next to it come first.
    towards_newer = bool(bounds) and all(side == _NEWER for _, side, _ in bounds)
    if towards_newer or not newest_first:
        part = within[offset : offset + limit]
    else:
        end = max(0, len(within) - offset)
        part = within[max(0, end - limit) : end]
    return part[::-1] if newest_first else part


def _passes(at: datetime, bound: datetime, side: int, inclusive: bool) -> bool:
    if at == bound:
        return inclusive
    return at < bound if side == _OLDER else at > bound


def _bounds(call: Call, line: list[Message], params: Mapping[str, Any]) -> list[tuple[datetime, int, bool]]:
    found = []
    for name, bound in _BOUNDS.items():
        message_id = call.text(f"id_{name}", params)
        if message_id:
            found.append((_pinned_at(_named(line, message_id)), *bound))
    for name, same in _TIMES.items():
        at = call.time(f"pinned_at_{name}", params)
        if at is not None:
            found.append((at, *_BOUNDS[same]))
    return found


def _around(call: Call, line: list[Message], params: Mapping[str, Any]) -> int | None:
    message_id = call.text("id_around", params)
    if message_id:
        return line.index(_named(line, message_id))
    at = call.time("pinned_at_around", params)
    return None if at is None else sum(1 for item in line if _pinned_at(item) < at)


def _named(line: list[Message], message_id: str) -> Message:
    for message in line:
        if message.id == message_id:
            return message
    raise invalid(f"message {message_id} is not pinned in this channel")


FEATURE = Feature(operations=(DOMAIN,), due={EXPIRE: expire})
