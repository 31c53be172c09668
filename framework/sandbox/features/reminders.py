"""Reminders: messages that users save for later, with a time or as a bookmark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, pair
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.record import MESSAGES, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.realtime.event import to_users
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox


@dataclass(slots=True)
class Reminder(Record):
    """One user's reminder of one message; without a time it is a bookmark."""

    KEY = ("message_id", "user_id")

    message_id: str
    user_id: str
    cid: str
    created_at: datetime
    updated_at: datetime
    remind_at: datetime | None = None


REMINDERS = Table("reminders", Reminder)
REMINDERS_OF = grouped(REMINDERS, lambda reminder: reminder.user_id)
REMINDERS_TO = grouped(REMINDERS, lambda reminder: reminder.message_id)


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
    """Return a reminder without what it leads to."""
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
    """Return the user's reminder of a message."""
    reminder = sandbox.store[REMINDERS].get(pair(message.id, viewer_id)) if viewer_id is not None else None
    return {"reminder": reminder_fields(reminder)} if reminder is not None else {}


DOMAIN = Domain("reminders")
_PATH = "/messages/{message_id}/reminders"


@DOMAIN.operation("CreateReminder", "POST", _PATH)
def create_reminder(call: Call) -> Result:
    """Save a message for later, with a time or as a bookmark."""
    message = service.find(call, call.path["message_id"])
    channel = service.channel_of(call, message)
    user = people.acting_user(call)
    channels.require_read(call, channel, user)
    require_feature(call, channel, "user_message_reminders")
    if pair(message.id, user.id) in call.store[REMINDERS]:
        raise invalid(f"user {user.id} already has a reminder for message {message.id}")
    reminder = Reminder(message.id, user.id, message.cid, call.now, call.now, call.time("remind_at", call.body))
    call.store[REMINDERS].put(reminder)
    plan(call, reminder)
    return _told(call, "reminder.created", reminder)


@DOMAIN.operation("UpdateReminder", "PATCH", _PATH, status=200)
def update_reminder(call: Call) -> Result:
    """Change the time of a reminder; without one it becomes a bookmark."""
    reminder = _find(call)
    remind_at = call.time("remind_at", call.body)
    reminder.remind_at, reminder.updated_at = remind_at, call.now
    call.store[REMINDERS].put(reminder)
    plan(call, reminder)
    return _told(call, "reminder.updated", reminder)


@DOMAIN.operation("DeleteReminder", "DELETE", _PATH)
def delete_reminder(call: Call) -> Result:
    """Drop a reminder."""
    reminder = _find(call)
    drop(call, reminder)
    _told(call, "reminder.deleted", reminder)
    return {}


@DOMAIN.operation("QueryReminders", "POST", "/reminders/query")
def query_reminders(call: Call) -> Result:
    """Return the user's reminders, the next one first unless sorted otherwise."""
    user = people.acting_user(call)
    mine = [one for one in call.store.index(REMINDERS_OF).of(user.id) if one.message_id in call.store[MESSAGES]]
    found = select(mine, call.mapping("filter"), _value)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("remind_at", False)], _value)
    part = page(call, found)
    return {"reminders": [_view(call, reminder) for reminder in part.items], **part.cursors()}


def _find(call: Call) -> Reminder:
    message = service.find(call, call.path["message_id"])
    user = people.acting_user(call)
    reminder = call.store[REMINDERS].get(pair(message.id, user.id))
    if reminder is None:
        raise not_found(f"user {user.id} has no reminder for message {message.id}")
    return reminder


def _told(call: Call, kind: str, reminder: Reminder) -> Result:
    view = _view(call, reminder)
    payload = {"reminder": view, "message_id": reminder.message_id, "user_id": reminder.user_id}
    call.emit(to_users(kind, call.now, (reminder.user_id,), payload, reminder.cid))
    return {"reminder": view}


def _view(call: Call, reminder: Reminder) -> dict[str, Any]:
    view = {**reminder_fields(reminder), "user": user_by_id(call.sandbox, reminder.user_id)}
    message, channel = call.store[MESSAGES].get(reminder.message_id), call.store[CHANNELS].get(reminder.cid)
    if message is not None:
        view["message"] = message_view(call.sandbox, message, reminder.user_id)
    if channel is not None:
        view["channel"] = channel_view(call.sandbox, channel)
    return view


def _value(reminder: Reminder, name: str) -> Json:
    """A reminder's field by name, for filters and sorting."""
    if name == "channel_cid":
        return reminder.cid
    return getattr(reminder, name) if name in Reminder.names() else None


FEATURE = Feature(
    operations=(DOMAIN,),
    due={DUE: remind},
    forget_user=dropping(REMINDERS_OF),
    forget_message=forget,
    message_fields=message_fields,
)
