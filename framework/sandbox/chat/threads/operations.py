"""Threads: query, get, partial update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS_OF, pair
from framework.sandbox.chat.channels.state import visible_line, watch
from framework.sandbox.chat.channels.view import member_view
from framework.sandbox.chat.feature import FEATURES, Feature, dropping
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import capabilities, require
from framework.sandbox.chat.threads import rules as threads
from framework.sandbox.chat.threads.record import (
    PARTICIPANTS,
    PARTICIPANTS_OF,
    PARTICIPATIONS_OF,
    THREAD_RESERVED,
    THREADS,
    Thread,
)
from framework.sandbox.chat.threads.view import reads_view, replies, thread_view
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Entity, Json

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("threads")
MAX_THREADS = 25
MAX_REPLIES = 100
_DEFAULT_SORT = [("has_unread", True), ("last_message_at", True), ("parent_message_id", False)]


@DOMAIN.operation("QueryThreads", "POST", "/threads")
def query_threads(call: Call) -> Result:
    """The threads that a user takes part in (a server that names nobody sees all), filtered, sorted, paged."""
    user = people.acting_user_or_none(call)

    def value_of(thread: Thread, name: str) -> Json:
        return _value(call, thread, name, user)

    found = select(_of_user(call, user), call.mapping("filter"), value_of)
    found = sort(found, parse_sort(call.payload.get("sort")) or _DEFAULT_SORT, value_of)
    part = page(call, found, default=10, high=MAX_THREADS)
    return {"threads": [_state(call, thread, user) for thread in part.items], **part.cursors()}


@DOMAIN.operation("GetThread", "GET", "/threads/{message_id}")
def get_thread(call: Call) -> Result:
    """One thread with its latest replies."""
    thread = _find(call)
    user = people.acting_user_or_none(call)
    channels.require_read(call, channels.by_cid(call, thread.cid), user)
    return {"thread": _state(call, thread, user)}


@DOMAIN.operation("UpdateThreadPartial", "PATCH", "/threads/{message_id}", status=200)
def update_thread_partial(call: Call) -> Result:
    """Set and unset a thread's title and custom data."""
    thread = _find(call)
    channel = channels.by_cid(call, thread.cid)
    user = people.acting_user(call)
    require(call, channel, user, "update-thread")
    to_set, unset = call.mapping("set", call.body), call.texts("unset", call.body)
    for name in (*to_set, *unset):
        if name in THREAD_RESERVED:
            raise invalid(f"field `{name}` is reserved and cannot be updated")
    title = call.text("title", to_set) if "title" in to_set else thread.title
    custom = thread.custom
    for name, value in to_set.items():
        if name != "title":
            custom = with_path(custom, name.removeprefix("custom."), value)
    for name in unset:
        custom = without_path(custom, name.removeprefix("custom."))
    channels.check_custom(call, custom, "thread")
    thread.title = "" if "title" in unset else title or ""
    thread.custom, thread.updated_at = custom, call.now
    call.store[THREADS].put(thread)
    view = thread_view(call.sandbox, thread)
    channels.announce(call, "thread.updated", channel, {"thread": view, "user": user_view(call.sandbox, user)})
    return {"thread": _state(call, thread, user)}


def _find(call: Call) -> Thread:
    thread = call.store[THREADS].get(call.path["message_id"])
    if thread is None:
        raise not_found(f"Thread with parent message {call.path['message_id']} not found")
    return thread


def _of_user(call: Call, user: User | None) -> list[Thread]:
    if user is None:
        return list(call.store[THREADS])
    mine = call.store.index(PARTICIPATIONS_OF).of(user.id)
    found = []
    for participant in mine:
        thread = call.store[THREADS].get(participant.parent_message_id)
        channel = call.store[CHANNELS].get(thread.cid) if thread is not None else None
        if thread is None or channel is None:
            continue
        if call.actor.is_server or "read-channel" in capabilities(call.sandbox, channel, user):
            found.append(thread)
    return found


def _value(call: Call, thread: Thread, name: str, user: User | None) -> Json:
    """A thread's field by name, for filters and sorting."""
    if name == "last_message_at":
        last = threads.last_reply(call.sandbox, thread)
        return last.created_at if last is not None else None
    if name in ("reply_count", "active_participant_count"):
        alive = replies(call.sandbox, thread)
        return len(alive) if name == "reply_count" else len({reply.user_id for reply in alive})
    if name == "participant_count":
        return call.store.index(PARTICIPANTS_OF).count(thread.parent_message_id)
    if name == "has_unread":
        mine = call.store[PARTICIPANTS].get(pair(thread.parent_message_id, user.id)) if user is not None else None
        return mine is not None and threads.unread_in(call.sandbox, mine) > 0
    if name == "channel_cid":
        return thread.cid
    if name in ("channel.disabled", "channel.team"):
        channel = call.store[CHANNELS].get(thread.cid)
        return getattr(channel, name.removeprefix("channel."), None)
    if name in Thread.names() and name != "custom":
        return getattr(thread, name)
    return dig(thread.custom, name.removeprefix("custom."))


def _state(call: Call, thread: Thread, user: User | None) -> Entity:
    """A thread with its latest replies and read states; watches its channel where the call asks for it."""
    viewer = user.id if user is not None else None
    channel = call.store[CHANNELS].get(thread.cid)
    if call.flag("watch") and channel is not None and call.actor.user_id is not None:
        watch(call, channel, people.acting_user(call))
    view = thread_view(call.sandbox, thread, viewer, participants=call.number("participant_limit", 100, high=100))
    line = visible_line(call, replies(call.sandbox, thread), thread.cid, user)
    limit = call.number("reply_limit", 3, high=MAX_REPLIES)
    latest = line[-limit:] if limit else []
    view.fields["latest_replies"] = [message_view(call.sandbox, reply, viewer) for reply in latest]
    view.fields["read"] = reads_view(call.sandbox, thread)
    members = call.number("member_limit", 0, high=100)
    if members and channel is not None:
        shown = call.store.index(MEMBERS_OF).of(channel.cid)[:members]
        view.fields["channel"].fields["members"] = [member_view(call.sandbox, member) for member in shown]
    parent = call.store[MESSAGES].get(thread.parent_message_id)
    if parent is not None and viewer is not None:
        for add in call.sandbox[FEATURES].thread_fields:
            view.fields |= add(call, thread, viewer)
    return view


FEATURE = Feature(operations=(DOMAIN,), forget_user=dropping(PARTICIPATIONS_OF))
