"""Polls: finding and checking them, and telling the channels that show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.permissions.rules import capabilities, require, require_feature
from framework.sandbox.features.polls.record import (
    MESSAGES_WITH_POLL,
    OPTION_INPUT,
    OPTION_RESERVED,
    POLLS,
    VOTES,
    VOTES_OF,
    Poll,
    Vote,
)
from framework.sandbox.features.polls.view import poll_view, vote_view
from framework.sandbox.kernel.errors import forbidden, invalid, not_found, too_long

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.sandbox import Sandbox

MAX_NAME = 255
MAX_DESCRIPTION = 5000
MAX_OPTIONS = 100
MAX_VOTES = 10


def find(call: Call, poll_id: str) -> Poll:
    """Return a poll by id. Raises ApiError 404."""
    poll = call.store[POLLS].get(poll_id)
    if poll is None:
        raise not_found(f"Poll with id {poll_id} not found")
    return poll


def require_owner(call: Call, poll: Poll) -> None:
    """403 unless a server calls, or the poll's creator."""
    if not call.actor.is_server and call.actor.user_id != poll.created_by_id:
        raise forbidden(f"user {call.actor.user_id} may not change poll {poll.id}: it belongs to another user")


def can_see(call: Call, poll: Poll, user: User | None) -> bool:
    """Return whether a caller may see a poll: its own, or one that stands in a channel that it may read."""
    if call.actor.is_server:
        return True
    if user is None:
        return False
    if poll.created_by_id == user.id:
        return True
    for message in call.store.index(MESSAGES_WITH_POLL).of(poll.id):
        channel = call.store[CHANNELS].get(message.cid)
        if channel is not None and "read-channel" in capabilities(call.sandbox, channel, user):
            return True
    return False


def require_see(call: Call, poll: Poll, user: User | None) -> None:
    """404 unless the caller may see the poll."""
    if not can_see(call, poll, user):
        raise not_found(f"Poll with id {poll.id} not found")


def check_fields(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given fields of a poll, checked; a null resets one. Raises ApiError 400."""
    checked: dict[str, Any] = {}
    if "name" in given:
        checked["name"] = call.required_text("name", given)
        if len(checked["name"]) > MAX_NAME:
            raise too_long(f"name must be a maximum of {MAX_NAME} characters in length")
    if "description" in given:
        checked["description"] = call.text("description", given) or ""
        if len(checked["description"]) > MAX_DESCRIPTION:
            raise too_long(f"description must be a maximum of {MAX_DESCRIPTION} characters in length")
    if "voting_visibility" in given:
        checked["voting_visibility"] = call.text("voting_visibility", given) or "public"
        if checked["voting_visibility"] not in ("public", "anonymous"):
            raise invalid("voting_visibility must be one of [public, anonymous]")
    for name in ("enforce_unique_vote", "allow_answers", "allow_user_suggested_options", "is_closed"):
        if name in given:
            checked[name] = call.flag(name, given)
    if "max_votes_allowed" in given:
        votes = call.number("max_votes_allowed", 0, high=MAX_VOTES, source=given)
        checked["max_votes_allowed"] = votes or None
    return checked


def take_options(call: Call, raw: object, old: Poll | None = None) -> list[dict[str, Any]]:
    """Options as a client sends them; those with the id of an old one keep it. Raises ApiError 400."""
    if raw is None:
        return []
    if not isinstance(raw, list) or len(raw) > MAX_OPTIONS:
        raise invalid(f"options must be a list of at most {MAX_OPTIONS} options")
    options = [take_option(call, item, old) for item in raw]
    for name in ("text", "id"):
        if len({option[name] for option in options}) < len(options):
            raise invalid(f"options must not have the same {name} twice")
    return options


def take_option(call: Call, raw: object, old: Poll | None = None) -> dict[str, Any]:
    """Return an option as stored."""
    if not isinstance(raw, Mapping):
        raise invalid("an option must be an object")
    taken = call.take({k: v for k, v in raw.items() if k not in OPTION_RESERVED}, OPTION_INPUT, "option")
    option_id = call.text("id", taken.fields)
    before = old.option(option_id) if old is not None and option_id else None
    text = call.text("text", taken.fields) or (before["text"] if before is not None else None)
    if not text:
        raise invalid("text is a required field of an option")
    if len(text) > MAX_NAME:
        raise too_long(f"an option's text must be a maximum of {MAX_NAME} characters in length")
    channels.check_custom(call, taken.custom, "option")
    return {"id": option_id or call.sandbox.ids.new(), "text": text, "custom": taken.custom}


def votes_by(call: Call, poll: Poll, user_id: str) -> list[Vote]:
    """A user's votes and answers."""
    return [vote for vote in call.store.index(VOTES_OF).of(poll.id) if vote.user_id == user_id]


def drop_votes(call: Call, poll: Poll, option_id: str | None = None) -> None:
    """Forget the votes of a poll, or those for one option of it."""
    for vote in call.store.index(VOTES_OF).of(poll.id):
        if option_id is None or vote.option_id == option_id:
            call.store[VOTES].remove(vote.key)


def tell(call: Call, kind: str, poll: Poll, vote: Vote | None = None) -> None:
    """A poll event to those who watch a channel that shows the poll."""
    for message in call.store.index(MESSAGES_WITH_POLL).of(poll.id):
        channel = call.store[CHANNELS].get(message.cid)
        if channel is None:
            continue
        payload: dict[str, Any] = {"poll": poll_view(call.sandbox, poll), "message_id": message.id}
        if vote is not None:
            payload["poll_vote"] = vote_view(call.sandbox, poll, vote)
        channels.announce(call, kind, channel, payload)


def check_message(call: Call, channel: Channel, message: Message, user: User, fields: Mapping[str, Any]) -> None:
    """Take the poll that a new message shares: it does not change by an update of the message."""
    poll_id = call.text("poll_id", fields)
    if not poll_id:
        return
    require_feature(call, channel, "polls")
    require(call, channel, user, "send-poll")
    if poll_id not in call.store[POLLS]:
        raise invalid(f"poll {poll_id} does not exist")
    message.poll_id = poll_id


def message_fields(sandbox: Sandbox, message: Message, viewer_id: str | None) -> dict[str, Any]:
    """Return the poll that a message shares."""
    poll = sandbox.store[POLLS].get(message.poll_id) if message.poll_id is not None else None
    return {"poll": poll_view(sandbox, poll, viewer_id)} if poll is not None else {}
