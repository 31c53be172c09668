"""Messages: send, read, change, delete, replies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERS, pair
from framework.sandbox.chat.channels.state import visible_line
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import FEATURES, Feature
from framework.sandbox.chat.messages import fields as message_fields
from framework.sandbox.chat.messages import pins, revisions
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.deletion import delete_for, delete_hard, delete_soft
from framework.sandbox.chat.messages.record import MESSAGE_INPUT, MESSAGE_RESERVED, MESSAGES, TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view, render_html
from framework.sandbox.chat.messages.window import MAX_MESSAGES, window
from framework.sandbox.chat.permissions.rules import capabilities, config_of, require, require_feature
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import sort_param
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.query.sorting import parse_sort
from framework.sandbox.kernel.wire import Input

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("messages")
REPLIES_LIMIT = 100
_FIXED = ("id", "parent_id", "type", "show_in_channel", "quoted_message_id", "poll_id", "shared_location")
"""What a message keeps for its life."""


@DOMAIN.operation("SendMessage", "POST", "/channels/{type}/{id}/message")
def send_message(call: Call) -> Result | Awaitable[Result]:
    """Post a message. A client's own id makes a repeated send a 400."""
    channel = channels.find(call)
    taken = service.take_message(call, call.body.get("message"))
    user = people.acting_user(call, taken.fields)
    _require_send(call, channel, taken, user)
    message = service.compose(call, channel, taken, user)
    features = call.sandbox[FEATURES]
    for screen in features.screen:
        answer = screen(call, channel, message, user)
        if answer is not None:
            return {"message": message_view(call.sandbox, answer, user.id)}
    _hold_back(call, channel, message)
    for ask in features.ask:
        question = ask(call, channel, message, user)
        if question is not None:
            return _after_question(call, question, message, user)
    return _post(call, channel, message, user)


async def _after_question(call: Call, question: Awaitable[bool], message: Message, user: User) -> Result:
    """Post a message that the app's backend let pass, as it changed it; one that it refused is not stored."""
    if not await question:
        return {"message": message_view(call.sandbox, message, user.id)}
    return _post(call, channels.find(call), message, user)


def _post(call: Call, channel: Channel, message: Message, user: User) -> Result:
    keep_hidden = call.flag("keep_channel_hidden", call.body)
    service.deliver(call, channel, message, user, keep_hidden=keep_hidden)
    if message.pinned:
        pins.plan(call, message)
    result = {"message": message_view(call.sandbox, message, user.id), **_metadata(message)}
    return result | _context(call, channel, message)


def _context(call: Call, channel: Channel, message: Message) -> dict[str, Any]:
    """What a send may ask to be told beside its message: the channel, and which mentioned users are its members."""
    told: dict[str, Any] = {}
    if call.flag("include_channel_context", call.body):
        told["channel_context"] = {"id": channel.id, "type": channel.type, "cid": channel.cid}
        if channel.created_by_id is not None:
            told["channel_context"]["created_by"] = user_by_id(call.sandbox, channel.created_by_id)
    if call.flag("include_mentioned_members", call.body):
        members = call.store[MEMBERS]
        told["mentioned_members"] = {name: pair(channel.cid, name) in members for name in message.mentioned_user_ids}
    return told


def _require_send(call: Call, channel: Channel, taken: Input, user: User) -> None:
    """400 or 403 unless the user may post this here and now."""
    fields = taken.fields
    is_reply = bool(fields.get("parent_id"))
    if is_reply:
        require_feature(call, channel, "replies")
    if fields.get("quoted_message_id"):
        require_feature(call, channel, "quotes")
    require(call, channel, user, "send-reply" if is_reply else "send-message")
    _require_marks(call, channel, user, fields)
    if not call.actor.is_server and "slow-mode" in capabilities(call.sandbox, channel, user):
        _require_pause(call, channel, user)


def _require_marks(
    call: Call, channel: Channel, user: User, fields: Mapping[str, Any], before: Message | None = None
) -> None:
    """403 unless the user may pin, and say who alone sees a message; in an edit, where these change."""
    pinned = before is not None and before.pinned
    if "pinned" in fields and bool(fields["pinned"]) is not pinned:
        require(call, channel, user, "pin-message")
    visible_to = before.restricted_visibility if before is not None else None
    if "restricted_visibility" in fields and (fields["restricted_visibility"] or None) != (visible_to or None):
        require(call, channel, user, "send-restricted-visibility-message")


def _require_pause(call: Call, channel: Channel, user: User) -> None:
    """403 code 60 while the user's last message is younger than the channel's cooldown."""
    since = call.now - timedelta(seconds=channel.cooldown)
    for message in reversed(call.store.index(TIMELINES).channel(channel.cid)):
        if message.created_at <= since:
            return
        if message.user_id == user.id:
            raise ApiError(403, 60, f"slow mode: wait {channel.cooldown} seconds between messages")


def _hold_back(call: Call, channel: Channel, message: Message) -> None:
    """Keep a message pending where a server asks for it, or where the channel's type has all wait."""
    if call.actor.is_server:
        message.pending = call.flag("pending", call.body)
    message.pending = message.pending or config_of(call.sandbox, channel).get("mark_messages_pending") is True
    metadata = call.mapping("pending_message_metadata", call.body)
    if any(not isinstance(value, str) for value in metadata.values()):
        raise invalid("pending_message_metadata must map names to texts")
    message.pending_message_metadata = metadata or None


def _metadata(message: Message) -> dict[str, Any]:
    return {"pending_message_metadata": message.pending_message_metadata} if message.pending_message_metadata else {}


@DOMAIN.operation("CommitMessage", "POST", "/messages/{id}/commit", access=Access.SERVER)
def commit_message(call: Call) -> Result:
    """Let a pending message be seen."""
    message = service.find(call, call.path["id"])
    if not message.pending:
        raise invalid(f"message {message.id} is not pending")
    channel = service.channel_of(call, message)
    user = people.existing(call, message.user_id)
    message.pending = False
    call.store[MESSAGES].put(message)
    service.release(call, channel, message, user)
    return {"message": message_view(call.sandbox, message), **_metadata(message)}


@DOMAIN.operation("GetMessage", "GET", "/messages/{id}")
def get_message(call: Call) -> Result:
    """One message, with its channel."""
    message = service.find(call, call.path["id"])
    channel = service.channel_of(call, message)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channel, user)
    _hide_deleted(call, message)
    only = service.seen_by(message)
    if only is not None and not call.actor.is_server and (user is None or user.id not in only):
        raise not_found(f"Message with id {message.id} not found")
    view = message_view(call.sandbox, message, user.id if user else None)
    view.fields["channel"] = channel_view(call.sandbox, channel, user)
    return {"message": view, **_metadata(message)}


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
    _change(call, message, taken, user)
    service.publish_change(call, "message.updated", message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


@DOMAIN.operation("UpdateMessagePartial", "PUT", "/messages/{id}", status=200)
def update_message_partial(call: Call) -> Result:
    """Set and unset single fields; dotted names reach into custom objects."""
    message, user = _changeable(call)
    _change(call, message, _partial(call, message), user)
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


def _change(call: Call, message: Message, taken: Input, user: User | None) -> None:
    """Apply an update and store it, and what the message was before."""
    revised = _revised(call, message, taken)
    if (revised.text, revised.attachments, revised.custom) != (message.text, message.attachments, message.custom):
        revisions.keep(call, message, user.id if user is not None else None)
        revised.updated_by_id = message.updated_by_id
    if message.text != revised.text:
        revised.message_text_updated_at = call.now
    message.become(revised)
    call.store[MESSAGES].put(message)
    pins.plan(call, message)


def _revised(call: Call, message: Message, taken: Input) -> Message:
    """A changed copy. The input holds the custom data whole, so that it replaces what was there."""
    if not call.actor.is_server:
        channel = service.channel_of(call, message)
        _require_marks(call, channel, people.acting_user(call), taken.fields, message)
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
