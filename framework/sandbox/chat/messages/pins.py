"""When a pin expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.kernel.call import Call

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
    messages.publish_change(call, "message.updated", message, None)
