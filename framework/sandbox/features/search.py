"""Searching messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.queries import candidates, channel_values
from framework.sandbox.chat.channels.state import visible_line
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES_OF, TIMELINES, Message
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import capabilities, config_of
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import compile_filter, dig, select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("search")
MAX_RESULTS = 100
MAX_OFFSET = 1000


@DOMAIN.operation("Search", "GET", "/search")
def search(call: Call) -> Result:
    """Messages by their text or by a filter, in the channels that another filter lets through."""
    user = people.acting_user_or_none(call)
    conditions = _conditions(call)
    order = parse_sort(call.payload.get("sort"))
    offset = _offset(call, has_order=bool(order))
    channels = {channel.cid: channel for channel in _channels(call, user)}
    found: list[Message] = []

    def value_of(message: Message, name: str) -> Json:
        return _value(call, message, name)

    for cid in channels:
        everything = call.store.index(MESSAGES_OF).of(cid)
        shown = visible_line(call, [item for item in everything if item.deleted_at is None], cid, user)
        found.extend(select(shown, conditions, value_of))
    found = sort(found, order or [("created_at", True)], value_of)
    part = page(call, found, default=10, high=MAX_RESULTS, start=offset)
    viewer = user.id if user is not None else None
    results = []
    for message in part.items:
        view = message_view(call.sandbox, message, viewer)
        view.fields["channel"] = channel_view(call.sandbox, channels[message.cid])
        results.append({"message": view})
    return {"results": results, **({} if offset is not None else part.cursors("previous"))}


def _conditions(call: Call) -> dict[str, Any]:
    """Return the filter over messages. Raises ApiError 400 unless there is either it or a text to look for."""
    query, conditions = call.text("query"), call.mapping("message_filter_conditions")
    if query and conditions:
        raise invalid("cannot specify both query and message_filter_conditions")
    if not query and not conditions:
        raise invalid("either query or message_filter_conditions must be provided")
    return {"text": {"$q": query}} if query else conditions


def _offset(call: Call, *, has_order: bool) -> int | None:
    """Return the `offset` to start at. None if the query is sorted: then cursors are used."""
    if call.payload.get("offset") is None:
        return None
    offset = call.number("offset", 0, high=MAX_OFFSET)
    if offset and (has_order or call.payload.get("next")):
        raise invalid("cannot use offset with next or sort parameters")
    return offset if offset or not (has_order or call.payload.get("next")) else None


def _channels(call: Call, user: User | None) -> list[Channel]:
    conditions = call.mapping("filter_conditions")
    matches = compile_filter(conditions, channel_values(call, user)) if conditions else None
    found = []
    for channel in candidates(call, user, conditions):
        if config_of(call.sandbox, channel).get("search") is False:
            continue
        if not call.actor.is_server:
            allowed = capabilities(call.sandbox, channel, user) if user is not None else frozenset()
            if not allowed >= {"read-channel", "search-messages"}:
                continue
        if matches is None or matches(channel):
            found.append(channel)
    return found


def _value(call: Call, message: Message, name: str) -> Json:
    """A message's field by name, for filters and sorting."""
    if name in ("user.id", "user_id"):
        return message.user_id
    if name == "user.name":
        user = call.store[USERS].get(message.user_id)
        return user.name if user is not None else None
    if name == "mentioned_users.id":
        return message.mentioned_user_ids
    if name == "attachments":
        return message.attachments or None
    if name.startswith("attachments."):
        inner = name.removeprefix("attachments.")
        return [dig({**item["custom"], **item["fields"]}, inner) for item in message.attachments] or None
    if name == "reply_count":
        return sum(1 for reply in call.store.index(TIMELINES).replies(message.id) if reply.deleted_at is None)
    if name == "relevance":
        return message.created_at
    if name in Message.names() and name != "custom":
        return getattr(message, name)
    return dig(message.custom, name.removeprefix("custom."))


FEATURE = Feature(operations=(DOMAIN,))
