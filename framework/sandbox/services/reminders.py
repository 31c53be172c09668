"""When a reminder's time comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.model.channel import pair
from framework.sandbox.model.message import MESSAGES, Message
from framework.sandbox.model.reminder import REMINDERS, REMINDERS_TO, Reminder
from framework.sandbox.realtime.event import to_users
from framework.sandbox.views.message import message_view
from framework.sandbox.views.user import user_by_id

if TYPE_CHECKING:
    from framework.sandbox.call import Call
    from framework.sandbox.sandbox import Sandbox

DUE = "reminder.due"


def plan(call: Call, reminder: Reminder) -> None:
    """Tell the user at the reminder's time, if it has one."""
    call.sandbox.scheduler.plan(DUE, reminder.key, reminder.remind_at)


def drop(call: Call, reminder: Reminder) -> None:
    """Forget a reminder."""
    call.sandbox.scheduler.cancel(DUE, reminder.key)
    call.store[REMINDERS].remove(reminder.key)


def forget(call: Call, message: Message) -> None:
    """Forget the reminders of a message that is gone for good."""
    for reminder in call.store.index(REMINDERS_TO).of(message.id):
        drop(call, reminder)


def remind(call: Call, key: str) -> None:
    """notification.reminder_due to the connections of the user whose reminder it is."""
    reminder = call.store[REMINDERS].get(key)
    message = call.store[MESSAGES].get(reminder.message_id) if reminder is not None else None
    if reminder is None or message is None:
        return
    view = {
        **reminder_fields(reminder),
        "user": user_by_id(call.sandbox, reminder.user_id),
        "message": message_view(call.sandbox, message, reminder.user_id),
    }
    payload = {"reminder": view, "message_id": reminder.message_id, "user_id": reminder.user_id}
    call.emit(to_users("notification.reminder_due", call.now, (reminder.user_id,), payload, reminder.cid))


def reminder_fields(reminder: Reminder) -> dict[str, Any]:
    """A reminder without what it leads to."""
    fields: dict[str, Any] = {
        "channel_cid": reminder.cid,
        "message_id": reminder.message_id,
        "user_id": reminder.user_id,
        "created_at": reminder.created_at,
        "updated_at": reminder.updated_at,
    }
    if reminder.remind_at is not None:
        fields["remind_at"] = reminder.remind_at
    return fields


def message_fields(sandbox: Sandbox, message: Message, viewer_id: str | None) -> dict[str, Any]:
    """The user's reminder of a message."""
    reminder = sandbox.store[REMINDERS].get(pair(message.id, viewer_id)) if viewer_id is not None else None
    return {"reminder": reminder_fields(reminder)} if reminder is not None else {}
