"""Messages: send, read, change, delete, replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.call import Call
from framework.sandbox.domains.users import with_path, without_path
from framework.sandbox.errors import invalid, not_found
from framework.sandbox.model.message import (
    MESSAGE_INPUT,
    MESSAGE_RESERVED,
    MESSAGES,
    REACTIONS,
    REACTIONS_TO,
    TIMELINES,
    Message,
)
from framework.sandbox.operations import Domain, Result
from framework.sandbox.permissions import require, require_feature
from framework.sandbox.query.messages import window
from framework.sandbox.services import channels, people, unread
from framework.sandbox.services import messages as service
from framework.sandbox.services.state import visible_line
from framework.sandbox.views.channel import channel_view
from framework.sandbox.views.message import message_view, render_html
from framework.sandbox.wire import Entity, Input

if TYPE_CHECKING:
    from framework.sandbox.model.channel import Channel
    from framework.sandbox.model.user import User

DOMAIN = Domain("messages")
REPLIES_LIMIT = 100


@DOMAIN.operation("SendMessage", "POST", "/channels/{type}/{id}/message")
def send_message(call: Call) -> Result:
    """Post a message. A client's own id makes a repeated send a 400."""
    channel = channels.find(call)
    taken = service.take_message(call, call.body.get("message"))
    user = people.acting_user(call, taken.fields)
    is_reply = bool(taken.fields.get("parent_id"))
    if is_reply:
        require_feature(call, channel, "replies")
    require(call, channel, user, "send-reply" if is_reply else "send-message")
    message = service.send(call, channel, taken, user)
    return {"message": message_view(call.sandbox, message, user.id)}


@DOMAIN.operation("GetMessage", "GET", "/messages/{id}")
def get_message(call: Call) -> Result:
    """One message, with its channel."""
    message = service.find(call, call.path["id"])
    channel = service.channel_of(call, message)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    _hide_deleted(call, message)
    view = message_view(call.sandbox, message, user.id if user else None)
    view.fields["channel"] = channel_view(call.sandbox, channel, user)
    return {"message": view}


def _hide_deleted(call: Call, message: Message) -> None:
    if message.deleted_at is not None and not (call.actor.is_server or call.flag("show_deleted_message")):
        raise not_found(f"Message with id {message.id} not found")


@DOMAIN.operation("GetManyMessages", "GET", "/channels/{type}/{id}/messages")
def get_many_messages(call: Call) -> Result:
    """Messages of a channel by id; those that it lacks are left out."""
    channel = channels.find(call)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    ids = call.texts("ids", call.query)
    if not ids:
        raise invalid("ids is a required field")
    found = (call.store[MESSAGES].get(message_id) for message_id in ids)
    viewer = user.id if user else None
    return {"messages": [message_view(call.sandbox, m, viewer) for m in found if m and m.cid == channel.cid]}


@DOMAIN.operation("UpdateMessage", "POST", "/messages/{id}")
def update_message(call: Call) -> Result:
    """Replace a message: what is not given is gone."""
    message, user = _changeable(call)
    taken = service.take_message(call, call.body.get("message"))
    for name in ("id", "parent_id", "type", "show_in_channel", "quoted_message_id"):
        taken.fields.pop(name, None)
    taken.fields = {"text": "", "attachments": [], "mentioned_users": [], **taken.fields}
    _change(call, message, taken)
    service.publish_change(call, "message.updated", message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


@DOMAIN.operation("UpdateMessagePartial", "PUT", "/messages/{id}", status=200)
def update_message_partial(call: Call) -> Result:
    """Set and unset single fields; dotted names reach into custom objects."""
    message, user = _changeable(call)
    _change(call, message, _partial(call, message))
    service.publish_change(call, "message.updated", message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


@DOMAIN.operation("EphemeralMessageUpdate", "PATCH", "/messages/{id}/ephemeral", status=200)
def ephemeral_message_update(call: Call) -> Result:
    """Show watchers a changed message without storing the change: made for text that streams in."""
    message, user = _changeable(call)
    draft = _revised(call, message, _partial(call, message))
    service.publish_change(call, "message.updated", draft, user)
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
    return message, user


def _partial(call: Call, message: Message) -> Input:
    """A partial update as the whole input: `custom` is what the custom data will be."""
    to_set, unset = call.mapping("set", call.body), call.texts("unset", call.body)
    if not to_set and not unset:
        raise invalid("either set or unset must be given")
    fields: dict[str, Any] = {}
    custom = message.custom
    for name, value in to_set.items():
        if name in MESSAGE_RESERVED or name in ("id", "parent_id", "user", "user_id"):
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


def _change(call: Call, message: Message, taken: Input) -> None:
    """Apply an update and store it."""
    before = message.text
    message.become(_revised(call, message, taken))
    if message.text != before:
        message.message_text_updated_at = call.now
    call.store[MESSAGES].put(message)


def _revised(call: Call, message: Message, taken: Input) -> Message:
    """A changed copy. The input holds the custom data whole, so that it replaces what was there."""
    draft = message.copy()
    draft.custom = {}
    service.apply(call, service.channel_of(call, message), draft, taken)
    draft.updated_at = call.now
    return draft


@DOMAIN.operation("DeleteMessage", "DELETE", "/messages/{id}")
def delete_message(call: Call) -> Result:
    """Delete a message: softly (it stays as a tombstone), for good with `hard`, or for one user only."""
    message = service.find(call, call.path["id"])
    user = _deleting_user(call)
    service.require_change(call, message, user, "delete")
    hard = call.flag("hard")
    if hard:
        call.require_server("hard delete")
    if call.flag("delete_for_me"):
        if user is None:
            raise invalid("delete_for_me needs a user")
        message.deleted_for = [*dict.fromkeys([*message.deleted_for, user.id])]
        call.store[MESSAGES].put(message)
        view = message_view(call.sandbox, message, user.id)
        return {"message": view}
    view = delete_hard(call, message, user) if hard else delete_soft(call, message, user)
    return {"message": view}


def _deleting_user(call: Call) -> User | None:
    deleted_by = call.query.get("deleted_by")
    if call.actor.is_server and deleted_by:
        return people.existing(call, deleted_by)
    return people.acting_user_or_none(call)


def delete_soft(call: Call, message: Message, user: User | None) -> Entity:
    """Turn a message into a tombstone and tell watchers; returns its view."""
    message.deleted_at = message.updated_at = call.now
    message.type = "deleted"
    call.store[MESSAGES].put(message)
    unread.recount(call.sandbox, message.cid)
    service.publish_change(call, "message.deleted", message, user, hard_delete=False)
    service.publish_parent(call, message, user)
    return message_view(call.sandbox, message)


def delete_hard(call: Call, message: Message, user: User | None) -> Entity:
    """Remove a message with its replies and reactions and tell watchers; returns its last view."""
    message.deleted_at = call.now
    message.type = "deleted"
    view = message_view(call.sandbox, message)
    service.publish_change(call, "message.deleted", message, user, hard_delete=True)
    for gone in [*call.store.index(TIMELINES).replies(message.id), message]:
        for reaction in call.store.index(REACTIONS_TO).of(gone.id):
            call.store[REACTIONS].remove(reaction.key)
        call.store[MESSAGES].remove(gone.id)
    service.publish_parent(call, message, user)
    unread.recount(call.sandbox, message.cid)
    return view


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
    service.publish_change(call, "message.undeleted", message, user)
    service.publish_parent(call, message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


@DOMAIN.operation("GetReplies", "GET", "/messages/{parent_id}/replies")
def get_replies(call: Call) -> Result:
    """The replies to a message, paged, oldest first."""
    parent = service.find(call, call.path["parent_id"])
    channel = service.channel_of(call, parent)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    line = visible_line(call, call.store.index(TIMELINES).replies(parent.id), parent.cid, user)
    page = window(call, line, call.payload, default=REPLIES_LIMIT)
    viewer = user.id if user else None
    return {"messages": [message_view(call.sandbox, item, viewer) for item in page]}


@DOMAIN.operation("GetPinnedMessages", "GET", "/channels/{type}/{id}/pinned_messages")
def get_pinned_messages(call: Call) -> Result:
    """The pinned messages of a channel, newest first."""
    channel: Channel = channels.find(call)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    line = visible_line(call, call.store.index(TIMELINES).channel(channel.cid), channel.cid, user)
    pinned = [item for item in line if item.pinned and (item.pin_expires is None or item.pin_expires > call.now)]
    page = window(call, pinned, call.payload, default=10)
    viewer = user.id if user else None
    return {"messages": [message_view(call.sandbox, item, viewer) for item in reversed(page)]}
