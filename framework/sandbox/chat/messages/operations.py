"""Messages: read, change, delete, replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.state import visible_line
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import FEATURES, Feature
from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages import fields as message_fields
from framework.sandbox.chat.messages import pins, revisions
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.deletion import delete_for, delete_hard, delete_soft
from framework.sandbox.chat.messages.record import MESSAGE_INPUT, MESSAGE_RESERVED, MESSAGES, TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view, pending_metadata, render_html
from framework.sandbox.chat.messages.window import MAX_MESSAGES, window
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.paging import sort_param
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.query.sorting import parse_sort
from framework.sandbox.kernel.wire import Input

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("messages")
REPLIES_LIMIT = 100
_FIXED = ("id", "parent_id", "type", "show_in_channel", "quoted_message_id", "poll_id", "shared_location")
"""What a message keeps for its life."""


@DOMAIN.operation("GetMessage", "GET", "/messages/{id}")
def get_message(call: Call) -> Result:
    """One message, with its channel."""
    message = readable(call, call.path["id"])
    channel = service.channel_of(call, message)
    user = people.acting_user_or_none(call)
    view = message_view(call.sandbox, message, user.id if user else None)
    view.fields["channel"] = channel_view(call.sandbox, channel, user)
    return {"message": view, **pending_metadata(message)}


def readable(call: Call, message_id: str) -> Message:
    """Return a message that the caller may read. Raises ApiError 404 if there is none, or it is for others."""
    message = service.find(call, message_id)
    user = people.acting_user_or_none(call)
    channels.require_read(call, service.channel_of(call, message), user)
    _hide_deleted(call, message)
    only = message_events.seen_by(message)
    if only is not None and not call.actor.is_server and (user is None or user.id not in only):
        raise not_found(f"Message with id {message.id} not found")
    return message


def _hide_deleted(call: Call, message: Message) -> None:
    if message.deleted_at is not None and not (call.actor.is_server or call.flag("show_deleted_message")):
        raise not_found(f"Message with id {message.id} not found")


@DOMAIN.operation("GetManyMessages", "GET", "/channels/{type}/{id}/messages")
def get_many_messages(call: Call) -> Result:
    """Messages of a channel by id; those that it lacks are left out."""
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    # v2 quotes the items of a list before the whole is quoted; no message id holds a percent sign of its own.
    ids = [unquote(message_id) for message_id in call.texts("ids", call.query)]
    if not ids:
        raise invalid("ids is a required field")
    found = [m for message_id in ids if (m := call.store[MESSAGES].get(message_id)) and m.cid == channel.cid]
    viewer = user.id if user else None
    return {"messages": [message_view(call.sandbox, m, viewer) for m in visible_line(call, found, channel.cid, user)]}


@DOMAIN.operation("UpdateMessage", "POST", "/messages/{id}")
def update_message(call: Call) -> Result:
    """Replace a message: what is not given is gone."""
    message, user = _changeable(call)
    taken = service.take_message(call, call.body.get("message"))
    for name in _FIXED:
        taken.fields.pop(name, None)
    taken.fields = {"text": "", "attachments": [], "mentioned_users": [], **taken.fields}
    return _changed(call, message, taken, user)


@DOMAIN.operation("UpdateMessagePartial", "PUT", "/messages/{id}", status=200)
def update_message_partial(call: Call) -> Result:
    """Set and unset single fields; dotted names reach into custom objects."""
    message, user = _changeable(call)
    return _changed(call, message, _partial(call, message), user)


@DOMAIN.operation("EphemeralMessageUpdate", "PATCH", "/messages/{id}/ephemeral", status=200)
def ephemeral_message_update(call: Call) -> Result:
    """Show watchers a changed message without storing the change: made for text that streams in."""
    message, user = _changeable(call)
    draft = _revised(call, message, _partial(call, message))
    message_events.publish_change(call, "message.updated", draft, user)
    return {"message": message_view(call.sandbox, draft, user.id if user else None)}


def _changeable(call: Call) -> tuple[Message, User | None]:
    message = service.find(call, call.path["id"])
    sources = [source for source in (call.body.get("message"),) if isinstance(source, dict)]
    user = people.acting_user_or_none(call, *sources)
    to_set = call.body.get("set")
    if isinstance(to_set, dict) and set(to_set) <= {"pinned", "pin_expires"} and to_set and not call.actor.is_server:
        require(call, service.channel_of(call, message), people.acting_user(call), "pin-message")
    else:
        service.require_change(call, message, user, "update")
    if message.deleted_at is not None:
        raise invalid(f"message {message.id} is deleted")
    _require_decided(message)
    return message, user


def _require_decided(message: Message) -> None:
    """400 for a message that is pending: it is committed or deleted for good, and nothing else."""
    if message.pending:
        raise invalid(f"message {message.id} is pending: commit it, or delete it with hard")


def _partial(call: Call, message: Message) -> Input:
    """Return a partial update as the whole input: `custom` is what the custom data will be."""
    to_set, unset = call.mapping("set", call.body), call.texts("unset", call.body)
    if not to_set and not unset:
        raise invalid("either set or unset must be given")
    fields: dict[str, Any] = {}
    custom = message.custom
    for name, value in to_set.items():
        if name in MESSAGE_RESERVED or name in ("id", "parent_id", "user", "user_id", "poll_id", "shared_location"):
            raise invalid(f"field `{name}` is reserved and cannot be updated")
        if name in MESSAGE_INPUT:
            fields[name] = value
        else:
            custom = with_path(custom, name.removeprefix("custom.") if name not in custom else name, value)
    for name in unset:
        if name in MESSAGE_INPUT:
            fields[name] = None
        else:
            custom = without_path(custom, name.removeprefix("custom."))
    return Input(fields, custom)


def _changed(call: Call, message: Message, taken: Input, user: User | None) -> Result:
    """Apply an update, store it, and tell of it. One that moderation refuses changes nothing."""
    revised = _revised(call, message, taken)
    refused = _screened(call, message, revised, user)
    if refused is not None:
        return {"message": message_view(call.sandbox, refused, user.id if user else None)}
    was_hidden = message.shadowed
    _change(call, message, revised, user)
    if message.shadowed and not was_hidden:
        message_events.publish_gone(call, message)
    message_events.publish_change(call, "message.updated", message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


def _screened(call: Call, message: Message, revised: Message, user: User | None) -> Message | None:
    """What a text that a person changed becomes as an error, if moderation refuses it as it would a new message."""
    if user is None or revised.text == message.text:
        return None
    channel = service.channel_of(call, message)
    answers = (screen(call, channel, revised, user) for screen in call.sandbox[FEATURES].screen)
    return next((answer for answer in answers if answer is not None), None)


def _change(call: Call, message: Message, revised: Message, user: User | None) -> None:
    """Store a changed message, and what it was before."""
    if (revised.text, revised.attachments, revised.custom) != (message.text, message.attachments, message.custom):
        revisions.keep(call, message, user.id if user is not None else None)
        revised.updated_by_id = message.updated_by_id
    if message.text != revised.text:
        revised.message_text_updated_at = call.now
    message.become(revised)
    call.store[MESSAGES].put(message)
    pins.plan(call, message)


def _revised(call: Call, message: Message, taken: Input) -> Message:
    """Return a changed copy. The input holds the custom data whole, so that it replaces what was there."""
    if not call.actor.is_server:
        channel = service.channel_of(call, message)
        service.require_marks(call, channel, people.acting_user(call), taken.fields, message)
    draft = message.copy()
    draft.custom = {}
    message_fields.apply(call, service.channel_of(call, message), draft, taken)
    draft.updated_at = call.now
    return draft


@DOMAIN.operation("DeleteMessage", "DELETE", "/messages/{id}")
def delete_message(call: Call) -> Result:
    """Delete a message: softly (it stays as a tombstone), for good with `hard`, or for one user only."""
    message = service.find(call, call.path["id"])
    user = _deleting_user(call)
    if call.flag("delete_for_me"):
        channels.require_read(call, service.channel_of(call, message), user)
    else:
        service.require_change(call, message, user, "delete")
    hard = call.flag("hard")
    if hard:
        call.require_server("hard delete")
    if not hard:
        _require_decided(message)
    if call.flag("delete_for_me"):
        if user is None:
            raise invalid("delete_for_me needs a user")
        return {"message": delete_for(call, message, user)}
    view = delete_hard(call, message, user) if hard else delete_soft(call, message, user)
    return {"message": view}


def _deleting_user(call: Call) -> User | None:
    deleted_by = call.query.get("deleted_by")
    if call.actor.is_server and deleted_by:
        return people.existing(call, deleted_by)
    return people.acting_user_or_none(call)


@DOMAIN.operation("UndeleteMessage", "POST", "/messages/{id}/undelete")
def undelete_message(call: Call) -> Result:
    """Bring back a softly deleted message."""
    call.require_server("undelete")
    message = service.find(call, call.path["id"])
    if message.deleted_at is None:
        raise invalid(f"message {message.id} is not deleted")
    by = call.text("undeleted_by")
    user = people.existing(call, by) if by else people.acting_user_or_none(call)
    message.deleted_at = None
    message.type = "reply" if message.parent_id else "regular"
    message.html = message.html or render_html(message.text)
    message.updated_at = call.now
    call.store[MESSAGES].put(message)
    unread.recount(call.sandbox, message.cid)
    message_events.publish_change(call, "message.undeleted", message, user)
    message_events.publish_parent(call, message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


@DOMAIN.operation("GetReplies", "GET", "/messages/{parent_id}/replies")
def get_replies(call: Call) -> Result:
    """Return the replies to a message, paged, oldest first."""
    parent = service.find(call, call.path["parent_id"])
    channel = service.channel_of(call, parent)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    line = visible_line(call, call.store.index(TIMELINES).replies(parent.id), parent.cid, user)
    order = parse_sort(sort_param(call))
    if order and not order[0][1] and not any(name.startswith(("id_", "created_at_")) for name in call.payload):
        # Replies come oldest first in any case: the sort says at which end the page is.
        page = line[: call.number("limit", REPLIES_LIMIT, high=MAX_MESSAGES)]
    else:
        # Replies are paged by ids alone: the service ignores an offset.
        page = window(call, line, {**call.payload, "offset": 0}, default=REPLIES_LIMIT)
    viewer = user.id if user else None
    return {"messages": [message_view(call.sandbox, item, viewer) for item in page]}


FEATURE = Feature(operations=(DOMAIN,), reserved={"message": MESSAGE_INPUT | MESSAGE_RESERVED})
