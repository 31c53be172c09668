"""Polls and their options: create, get, query, update, close, delete."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.users import people
from framework.sandbox.features.polls import rules as service
from framework.sandbox.features.polls.record import POLL_INPUT, POLL_RESERVED, POLLS, VOTES_OF, Poll
from framework.sandbox.features.polls.view import option_view, poll_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Entity, Input, Json

DOMAIN = Domain("polls")
_UPDATE_KEEPS = frozenset({"id", "user", "user_id"})
_DEFAULTS: dict[str, Any] = {
    "description": "",
    "voting_visibility": "public",
    "enforce_unique_vote": False,
    "max_votes_allowed": None,
    "allow_answers": False,
    "allow_user_suggested_options": False,
    "is_closed": False,
}


@DOMAIN.operation("CreatePoll", "POST", "/polls", family="common")
def create_poll(call: Call) -> Result:
    """Make a poll, to be sent in a message by its id."""
    taken = _take(call)
    user = people.acting_user(call, taken.fields)
    poll_id = call.text("id", taken.fields) or call.sandbox.ids.new()
    if poll_id in call.store[POLLS]:
        raise invalid(f"a poll with ID {poll_id} already exists")
    call.required_text("name", taken.fields)
    checked = service.check_fields(call, taken.fields)
    options = service.take_options(call, taken.fields.get("options"))
    poll = Poll(poll_id, user.id, call.now, call.now, **checked, options=options, custom=taken.custom)
    call.store[POLLS].put(poll)
    return {"poll": poll_view(call.sandbox, poll, user.id)}


@DOMAIN.operation("GetPoll", "GET", "/polls/{poll_id}", family="common")
def get_poll(call: Call) -> Result:
    """A poll with its counts."""
    poll = service.find(call, call.path["poll_id"])
    user = people.acting_user_or_none(call)
    service.require_see(call, poll, user)
    return {"poll": poll_view(call.sandbox, poll, user.id if user else None)}


@DOMAIN.operation("QueryPolls", "POST", "/polls/query", family="common")
def query_polls(call: Call) -> Result:
    """Polls by a filter, newest first unless sorted otherwise."""
    user = people.acting_user_or_none(call)
    visible = [poll for poll in call.store[POLLS] if service.can_see(call, poll, user)]
    found = select(visible, call.mapping("filter"), _value)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", True)], _value)
    part = page(call, found)
    viewer = user.id if user else None
    return {"polls": [poll_view(call.sandbox, poll, viewer) for poll in part.items], **part.cursors()}


@DOMAIN.operation("UpdatePoll", "PUT", "/polls", family="common")
def update_poll(call: Call) -> Result:
    """Replace a poll: what is not given is back at its default."""
    taken = _take(call)
    poll = service.find(call, call.required_text("id", taken.fields))
    user = people.acting_user_or_none(call, taken.fields)
    service.require_owner(call, poll)
    call.required_text("name", taken.fields)
    changes = {**_DEFAULTS, **service.check_fields(call, taken.fields)}
    options = service.take_options(call, taken.fields.get("options"), poll)
    return _changed(call, poll, {**changes, "options": options, "custom": taken.custom}, user.id if user else None)


@DOMAIN.operation("UpdatePollPartial", "PATCH", "/polls/{poll_id}", family="common", status=200)
def update_poll_partial(call: Call) -> Result:
    """Set and unset single fields; `is_closed` closes the poll."""
    poll = service.find(call, call.path["poll_id"])
    user = people.acting_user_or_none(call)
    service.require_owner(call, poll)
    to_set, unset = call.mapping("set", call.body), call.texts("unset", call.body)
    for name in (*to_set, *unset):
        if name in POLL_RESERVED or name in _UPDATE_KEEPS:
            raise invalid(f"field `{name}` is reserved and cannot be updated")
    changes = service.check_fields(call, {name: value for name, value in to_set.items() if name in POLL_INPUT})
    if "options" in to_set:
        changes["options"] = service.take_options(call, to_set["options"], poll)
    custom = poll.custom
    for name, value in to_set.items():
        if name == "custom" and isinstance(value, dict):
            custom = {**custom, **value}
        elif name not in POLL_INPUT:
            custom = with_path(custom, name.removeprefix("custom."), value)
    for name in unset:
        if name in _DEFAULTS:
            changes[name] = _DEFAULTS[name]
        elif name in POLL_INPUT:
            raise invalid(f"field `{name}` cannot be unset")
        else:
            custom = without_path(custom, name.removeprefix("custom."))
    return _changed(call, poll, {**changes, "custom": custom}, user.id if user else None)


def _changed(call: Call, poll: Poll, changes: dict[str, Any], viewer_id: str | None) -> Result:
    channels.check_custom(call, changes["custom"], "poll")
    closes = changes.get("is_closed") is True and not poll.is_closed
    kept = {option["id"] for option in changes.get("options", poll.options)}
    for option in poll.options:
        if option["id"] not in kept:
            service.drop_votes(call, poll, option["id"])
    for name, value in changes.items():
        setattr(poll, name, value)
    poll.updated_at = call.now
    call.store[POLLS].put(poll)
    service.tell(call, "poll.closed" if closes else "poll.updated", poll)
    return {"poll": poll_view(call.sandbox, poll, viewer_id)}


@DOMAIN.operation("DeletePoll", "DELETE", "/polls/{poll_id}", family="common")
def delete_poll(call: Call) -> Result:
    """Delete a poll with its votes; messages that showed it stay."""
    poll = service.find(call, call.path["poll_id"])
    people.acting_user_or_none(call)
    service.require_owner(call, poll)
    service.tell(call, "poll.deleted", poll)
    service.drop_votes(call, poll)
    call.store[POLLS].remove(poll.key)
    return {}


@DOMAIN.operation("CreatePollOption", "POST", "/polls/{poll_id}/options", family="common")
def create_poll_option(call: Call) -> Result:
    """Add an option; others than the creator only where the poll lets people suggest some."""
    poll = service.find(call, call.path["poll_id"])
    user = people.acting_user_or_none(call)
    service.require_see(call, poll, user)
    if not (poll.allow_user_suggested_options and user is not None):
        service.require_owner(call, poll)
    if poll.is_closed:
        raise invalid(f"poll {poll.id} is closed")
    option = service.take_option(call, call.body)
    return _option_changed(call, poll, [*poll.options, option], option)


@DOMAIN.operation("UpdatePollOption", "PUT", "/polls/{poll_id}/options", family="common")
def update_poll_option(call: Call) -> Result:
    """Replace an option's text and custom data; its votes stay."""
    poll = service.find(call, call.path["poll_id"])
    people.acting_user_or_none(call)
    service.require_owner(call, poll)
    _option(poll, call.required_text("id", call.body))
    option = service.take_option(call, call.body, poll)
    options = [option if other["id"] == option["id"] else other for other in poll.options]
    return _option_changed(call, poll, options, option)


@DOMAIN.operation("GetPollOption", "GET", "/polls/{poll_id}/options/{option_id}", family="common")
def get_poll_option(call: Call) -> Result:
    """One option of a poll."""
    poll = service.find(call, call.path["poll_id"])
    service.require_see(call, poll, people.acting_user_or_none(call))
    option = _option(poll, call.path["option_id"])
    return {"poll_option": _placed(poll, option_view(poll, option, _count(call, poll, option["id"])))}


@DOMAIN.operation("DeletePollOption", "DELETE", "/polls/{poll_id}/options/{option_id}", family="common")
def delete_poll_option(call: Call) -> Result:
    """Delete an option with its votes."""
    poll = service.find(call, call.path["poll_id"])
    people.acting_user_or_none(call)
    service.require_owner(call, poll)
    option = _option(poll, call.path["option_id"])
    service.drop_votes(call, poll, option["id"])
    _option_changed(call, poll, [other for other in poll.options if other is not option], option)
    return {}


def _option_changed(call: Call, poll: Poll, options: list[dict[str, Any]], option: dict[str, Any]) -> Result:
    if len({other["text"] for other in options}) < len(options):
        raise invalid("options must not have the same text twice")
    if len(options) > service.MAX_OPTIONS:
        raise invalid(f"a poll may have at most {service.MAX_OPTIONS} options")
    poll.options, poll.updated_at = options, call.now
    call.store[POLLS].put(poll)
    service.tell(call, "poll.updated", poll)
    return {"poll_option": _placed(poll, option_view(poll, option, _count(call, poll, option["id"])))}


def _option(poll: Poll, option_id: str) -> dict[str, Any]:
    option = poll.option(option_id)
    if option is None:
        raise not_found(f"Poll option with id {option_id} not found")
    return option


def _placed(poll: Poll, view: Entity) -> Entity:
    """Return an option by itself: with its place among the others, the last where it is gone."""
    ids = [option["id"] for option in poll.options]
    view.fields["position"] = ids.index(view["id"]) if view["id"] in ids else len(ids)
    return view


def _count(call: Call, poll: Poll, option_id: str) -> int:
    return sum(1 for vote in call.store.index(VOTES_OF).of(poll.id) if vote.option_id == option_id)


def _take(call: Call) -> Input:
    taken = call.take({k: v for k, v in call.body.items() if k not in POLL_RESERVED}, POLL_INPUT, "poll")
    channels.check_custom(call, taken.custom, "poll")
    return taken


def _value(poll: Poll, name: str) -> Json:
    """A poll's field by name, for filters and sorting."""
    if name == "user_id":
        return poll.created_by_id
    if name in Poll.names() and name not in ("custom", "options"):
        return getattr(poll, name)
    return dig(poll.custom, name.removeprefix("custom."))


FEATURE = Feature(operations=(DOMAIN,), check_message=service.check_message, message_fields=service.message_fields)
