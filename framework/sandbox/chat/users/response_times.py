"""How long users take to answer, which the app may have measured."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from framework.sandbox.chat.messages.record import TIMELINES, Message
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.kernel.app import APP

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.sandbox import Sandbox


def measured(sandbox: Sandbox) -> bool:
    """Return whether the app wants it."""
    app = sandbox.store[APP].get("app")
    return app is not None and app.settings.get("user_response_time_enabled") is True


def note(call: Call, message: Message, user: User) -> None:
    """Count the time since the message of another user that a message comes right after."""
    if not message.in_channel or not measured(call.sandbox):
        return
    line = call.store.index(TIMELINES).channel(message.cid)
    if len(line) > 1 and line[-1] is message and line[-2].user_id != user.id:
        user.answers += 1
        user.answer_seconds += (message.created_at - line[-2].created_at).total_seconds()
        call.store[USERS].put(user)


def average(sandbox: Sandbox, user: User) -> int | None:
    """Return a user's average, in seconds begun; None if nothing was measured."""
    if not user.answers or not measured(sandbox):
        return None
    return ceil(user.answer_seconds / user.answers)
