"""Reactions to messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.record import REACTIONS, REACTIONS_TO, Message, Reaction
from framework.sandbox.chat.messages.view import message_view, reaction_view
from framework.sandbox.chat.permissions.rules import require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("reactions")
REACTION_INPUT = frozenset({"type", "score", "emoji_code", "user", "user_id"})
REACTION_RESERVED = frozenset({"message_id", "created_at", "updated_at", "skip_push"})
MAX_TYPE = 30
MAX_SCORE = 2**31 - 1
"""Scores are summed, and the sums must still be numbers of JSON's 64 bits."""


@DOMAIN.operation("SendReaction", "POST", "/messages/{id}/reaction")
def send_reaction(call: Call) -> Result:
    """React to a message; `enforce_unique` replaces the user's other reactions."""
    message = service.find(call, call.path["id"])
    channel = service.channel_of(call, message)
    raw = call.mapping("reaction", call.body)
    raw = {name: value for name, value in raw.items() if name not in REACTION_RESERVED}
    taken = call.take(raw, REACTION_INPUT, "reaction")
    user = people.acting_user(call, taken.fields)
    require_feature(call, channel, "reactions")
    require(call, channel, user, "send-reaction")
    kind = call.required_text("type", taken.fields)
    if len(kind) > MAX_TYPE:
        raise invalid(f"reaction.type must be a maximum of {MAX_TYPE} characters in length")
    score = call.number("score", 1, low=0, high=MAX_SCORE, source=taken.fields)
    emoji_code = call.text("emoji_code", taken.fields)
    channels.check_custom(call, taken.custom, "reaction")
    if message.deleted_at is not None:
        raise invalid(f"message {message.id} is deleted")
    replaced = _drop_others(call, message, user, kind) if call.flag("enforce_unique", call.body) else False
    old = call.store[REACTIONS].get(f"{message.id}/{user.id}/{kind}")
    reaction = old or Reaction(message.id, user.id, kind, call.now, call.now)
    reaction.score, reaction.custom, reaction.updated_at = score or 1, taken.custom, call.now
    reaction.emoji_code = emoji_code
    call.store[REACTIONS].put(reaction)
    _publish(call, "reaction.updated" if old or replaced else "reaction.new", message, reaction, user)
    return {
        "message": message_view(call.sandbox, message, user.id),
        "reaction": reaction_view(call.sandbox, reaction),
    }


def _drop_others(call: Call, message: Message, user: User, kind: str) -> bool:
    others = [one for one in call.store.index(REACTIONS_TO).of(message.id) if one.user_id == user.id]
    for other in others:
        if other.type != kind:
            call.store[REACTIONS].remove(other.key)
    return bool(others)


@DOMAIN.operation("DeleteReaction", "DELETE", "/messages/{id}/reaction/{type}")
def delete_reaction(call: Call) -> Result:
    """Take a reaction back."""
    message = service.find(call, call.path["id"])
    user = people.acting_user(call)
    channels.require_read(call, service.channel_of(call, message), user)
    reaction = call.store[REACTIONS].remove(f"{message.id}/{user.id}/{call.path['type']}")
    if reaction is None:
        raise not_found(f"reaction {call.path['type']} of user {user.id} not found")
    _publish(call, "reaction.deleted", message, reaction, user)
    return {
        "message": message_view(call.sandbox, message, user.id),
        "reaction": reaction_view(call.sandbox, reaction),
    }


@DOMAIN.operation("GetReactions", "GET", "/messages/{id}/reactions")
def get_reactions(call: Call) -> Result:
    """Return the reactions to a message, newest first, paged."""
    message = service.find(call, call.path["id"])
    channels.require_read(call, service.channel_of(call, message), people.acting_user_or_none(call))
    limit, offset = call.number("limit", 25, high=300), call.number("offset", 0)
    found = sort(call.store.index(REACTIONS_TO).of(message.id), [("created_at", True)], reaction_value)
    return {"reactions": [reaction_view(call.sandbox, item) for item in found[offset : offset + (limit or 25)]]}


@DOMAIN.operation("QueryReactions", "POST", "/messages/{id}/reactions")
def query_reactions(call: Call) -> Result:
    """Return the reactions to a message by a filter, sorted, paged by `next`."""
    message = service.find(call, call.path["id"])
    channels.require_read(call, service.channel_of(call, message), people.acting_user_or_none(call))
    found = select(call.store.index(REACTIONS_TO).of(message.id), call.mapping("filter"), reaction_value)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", True)], reaction_value)
    part = page(call, found)
    return {"reactions": [reaction_view(call.sandbox, item) for item in part.items], **part.cursors()}


def reaction_value(reaction: Reaction, name: str) -> Json:
    """A reaction's field by name, custom data included."""
    if name in Reaction.names() and name != "custom":
        return getattr(reaction, name)
    return dig(reaction.custom, name)


def _publish(call: Call, kind: str, message: Message, reaction: Reaction, user: User) -> None:
    payload = {
        "message": message_view(call.sandbox, message),
        "reaction": reaction_view(call.sandbox, reaction),
        "user": user_view(call.sandbox, user),
        "message_id": message.id,
    }
    channel = service.channel_of(call, message)
    channels.announce(call, kind, channel, payload, only=message_events.seen_by(message))


FEATURE = Feature(operations=(DOMAIN,))
