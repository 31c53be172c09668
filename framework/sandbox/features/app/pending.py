"""Pending messages: the app's backend is passed each one and decides. After its time a pending message is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.deletion import delete_hard
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.kernel.webhooks import settings
from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.kernel.call import Call

EXPIRE = "pending.expire"
DECIDED_WITHIN = timedelta(days=3)
"""How long a pending message waits where no hook says otherwise."""


def pass_on(call: Call, message: Message) -> None:
    """Tell the backend of a new pending message, and plan its end."""
    if not message.pending:
        return
    hooks = settings.pending_hooks(call.store)
    within = min((hook.timeout for hook in hooks if hook.timeout is not None), default=DECIDED_WITHIN)
    call.sandbox.scheduler.plan(EXPIRE, message.id, call.now + within)
    _tell(call, message, "PassOnPendingMessage")


def expire(call: Call, message_id: str) -> None:
    """Delete a message that nobody decided on in time."""
    message = call.store[MESSAGES].get(message_id)
    if message is not None and message.pending:
        delete_hard(call, message, None)


def deleted(call: Call, message: Message) -> None:
    """Tell the backend that a pending message is gone."""
    if message.pending:
        call.sandbox.scheduler.cancel(EXPIRE, message.id)
        _tell(call, message, "DeletedPendingMessage")


def _tell(call: Call, message: Message, what: str) -> None:
    body = {"message": message_view(call.sandbox, message), "metadata": message.pending_message_metadata or {}}
    for hook in settings.pending_hooks(call.store):
        call.sandbox.webhooks.tell(f"{hook.url.rstrip('/')}/{what}", WireDialect.V1.encode(body))


FEATURE = Feature(due={EXPIRE: expire}, message_sent=pass_on, forget_message=deleted)
