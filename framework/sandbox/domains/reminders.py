"""Reminders: create, update, delete, query."""

from __future__ import annotations

from typing import Any

from framework.sandbox.call import Call
from framework.sandbox.errors import invalid, not_found
from framework.sandbox.feature import Feature, dropping
from framework.sandbox.model.channel import CHANNELS, pair
from framework.sandbox.model.message import MESSAGES
from framework.sandbox.model.reminder import REMINDERS, REMINDERS_OF, Reminder
from framework.sandbox.operations import Domain, Result
from framework.sandbox.permissions import require_feature
from framework.sandbox.query.filters import select
from framework.sandbox.query.sorting import parse_sort, sort
from framework.sandbox.realtime.event import to_users
from framework.sandbox.services import channels, people, reminders
from framework.sandbox.services import messages as service
from framework.sandbox.services.paging import page
from framework.sandbox.services.reminders import reminder_fields
from framework.sandbox.views.channel import channel_view
from framework.sandbox.views.message import message_view
from framework.sandbox.views.user import user_by_id

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
    reminders.plan(call, reminder)
    return _told(call, "reminder.created", reminder)


@DOMAIN.operation("UpdateReminder", "PATCH", _PATH, status=200)
def update_reminder(call: Call) -> Result:
    """Change the time of a reminder; without one it becomes a bookmark."""
    reminder = _find(call)
    remind_at = call.time("remind_at", call.body)
    reminder.remind_at, reminder.updated_at = remind_at, call.now
    call.store[REMINDERS].put(reminder)
    reminders.plan(call, reminder)
    return _told(call, "reminder.updated", reminder)


@DOMAIN.operation("DeleteReminder", "DELETE", _PATH)
def delete_reminder(call: Call) -> Result:
    """Drop a reminder."""
    reminder = _find(call)
    reminders.drop(call, reminder)
    _told(call, "reminder.deleted", reminder)
    return {}


@DOMAIN.operation("QueryReminders", "POST", "/reminders/query")
def query_reminders(call: Call) -> Result:
    """The user's reminders, the next one first unless sorted otherwise."""
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


def _value(reminder: Reminder, name: str) -> Any:  # noqa: ANN401 - a JSON value
    """A reminder's field by name, for filters and sorting."""
    if name == "channel_cid":
        return reminder.cid
    return getattr(reminder, name) if name in Reminder.names() else None


FEATURE = Feature(
    operations=(DOMAIN,),
    due={reminders.DUE: reminders.remind},
    forget_user=dropping(REMINDERS_OF),
    forget_message=reminders.forget,
    message_fields=reminders.message_fields,
)
