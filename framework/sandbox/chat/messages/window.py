"""Windows over a timeline: the last n, before or after a message or a time, around one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.messages.record import MESSAGES, Message, by_time, position
from framework.sandbox.kernel.errors import invalid

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

MAX_MESSAGES = 300
DEFAULT_MESSAGES = 25


def window(
    call: Call, line: list[Message], params: Mapping[str, Any], default: int = DEFAULT_MESSAGES
) -> list[Message]:
    """Return the part of a timeline that the parameters ask for, oldest first.

    `limit`; `id_lt`, `id_lte`, `id_gt`, `id_gte`, `id_around`; `created_at_before`, `created_at_before_or_equal`,
    `created_at_after`, `created_at_after_or_equal`, `created_at_around`; `offset` from the newest.
    """
    limit = call.number("limit", default, low=0, high=MAX_MESSAGES, source=params)
    offset = call.number("offset", 0, source=params)
    middle = _middle(call, line, params)
    if middle is not None:
        start = max(0, middle - limit // 2)
        return line[start : start + limit]
    low, high, from_start = _bounds(call, line, params)
    if from_start:
        return line[low : min(high, low + limit)]
    high = max(low, high - offset)
    return line[max(low, high - limit) : high]


def _middle(call: Call, line: list[Message], params: Mapping[str, Any]) -> int | None:
    around = call.text("id_around", params)
    if around:
        return _at(call, line, around)
    moment = call.time("created_at_around", params)
    return None if moment is None else bisect_left(line, moment, key=by_time)


def _bounds(call: Call, line: list[Message], params: Mapping[str, Any]) -> tuple[int, int, bool]:
    low, high, from_start = 0, len(line), False
    for name, after in (("id_gt", 1), ("id_gte", 0)):
        message_id = call.text(name, params)
        if message_id:
            low, from_start = max(low, _at(call, line, message_id) + after), True
    for name, after in (("id_lt", 0), ("id_lte", 1)):
        message_id = call.text(name, params)
        if message_id:
            high = min(high, _at(call, line, message_id) + after)
    for name, find in (("created_at_after", bisect_right), ("created_at_after_or_equal", bisect_left)):
        moment = call.time(name, params)
        if moment is not None:
            low, from_start = max(low, find(line, moment, key=by_time)), True
    for name, find in (("created_at_before", bisect_left), ("created_at_before_or_equal", bisect_right)):
        moment = call.time(name, params)
        if moment is not None:
            high = min(high, find(line, moment, key=by_time))
    return low, high, from_start


def _at(call: Call, line: list[Message], message_id: str) -> int:
    message = call.store[MESSAGES].get(message_id)
    at = position(line, message) if message is not None else None
    if at is None:
        raise invalid(f"message {message_id} is not in this list of messages")
    return at
