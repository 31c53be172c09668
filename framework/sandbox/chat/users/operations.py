"""Users: upsert, partial update, query, guests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.permissions.rules import same_team
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.own_view import full_user_view
from framework.sandbox.chat.users.record import USER_INPUT, USER_RESERVED, USERS, USERS_BY_ID, User
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.filters import compile_filter, dig, select
from framework.sandbox.kernel.query.paths import with_path, without_path
from framework.sandbox.kernel.query.sorting import after_cursors, bounded, parse_sort, sort
from framework.sandbox.kernel.realtime.event import Audience, Event
from framework.sandbox.kernel.wire import Entity, Input, Json

DOMAIN = Domain("users")
MAX_USERS = 100


@DOMAIN.operation("UpdateUsers", "POST", "/users", family="common")
def update_users(call: Call) -> Result:
    """Create or replace users; a person only itself."""
    named = call.body.get("users")
    if not isinstance(named, dict) or not named:
        raise invalid("users is a required field and must map ids to users")
    if len(named) > MAX_USERS:
        raise invalid(f"at most {MAX_USERS} users can be updated at once")
    for key, raw in named.items():
        if not isinstance(raw, Mapping):
            raise invalid(f"users.{key} must be an object")
        _require_self(call, people.check_user_id(raw.get("id")))
    changed = [people.upsert(call, raw, replace=True) for raw in named.values()]
    for user in changed:
        announce(call, user)
    views = {user.id: full_user_view(call.sandbox, user) for user in changed}
    return {"users": views, "membership_deletion_task_id": ""}


@DOMAIN.operation("UpdateUsersPartial", "PATCH", "/users", family="common", status=200)
def update_users_partial(call: Call) -> Result:
    """Set and unset single fields of users."""
    changed: dict[str, Any] = {}
    updates = call.objects("users")
    if not updates:
        raise invalid("users is a required field")
    people_named = [people.existing(call, update.get("id")) for update in updates]
    for user, update in zip(people_named, updates, strict=True):
        _require_self(call, user.id)
        set_fields(call, user, call.mapping("set", update), call.texts("unset", update))
        announce(call, user)
        changed[user.id] = full_user_view(call.sandbox, user)
    return {"users": changed, "membership_deletion_task_id": ""}


def set_fields(call: Call, user: User, to_set: dict[str, Any], unset: list[str]) -> None:
    """Apply a partial update; dotted names reach into custom objects."""
    known = {name: value for name, value in to_set.items() if name in USER_INPUT}
    custom = {name: value for name, value in to_set.items() if name not in USER_INPUT | USER_RESERVED}
    known |= {name: None for name in unset if name in USER_INPUT}
    given = known.get("privacy_settings")
    if isinstance(given, Mapping):
        known["privacy_settings"] = {**(user.privacy_settings or {}), **given}
    merged = user.custom
    for name, value in custom.items():
        merged = with_path(merged, name.removeprefix("custom.") if "custom" not in merged else name, value)
    for name in unset:
        if name not in USER_INPUT:
            merged = without_path(merged, name.removeprefix("custom."))
    people.apply(call, user, Input(known, merged), replace=True)
    user.updated_at = call.now
    call.store[USERS].put(user)


@DOMAIN.operation("QueryUsers", "GET", "/users", family="common")
def query_users(call: Call) -> Result:
    """Find users by a filter, sorted and paged."""
    conditions = call.mapping("filter_conditions")
    limit = call.number("limit", 30, low=0, high=MAX_USERS)
    offset = call.number("offset", 0, high=1000)
    viewer = None if call.actor.is_server else people.acting_user(call)
    fields = parse_sort(call.payload.get("sort")) or [("created_at", True)]
    visible = _visible(call, viewer, _candidates(call, conditions, by_id=fields == [("id", False)]))
    end = offset + (limit or 30)
    if fields == [("id", False)] and not bounded(call, "id"):
        matches = compile_filter(conditions, user_value)  # they come in order: nobody after the page is looked at
        page = list(islice((user for user in visible if matches(user)), offset, end))
    else:
        found = after_cursors(call, select(visible, conditions, user_value), {"id": "id"}, user_value)
        page = sort(found, fields, user_value)[offset:end]
    return {"users": [_shown_to(call, viewer, user) for user in page]}


def _candidates(call: Call, conditions: Mapping[str, Any], *, by_id: bool) -> Iterator[User]:
    """The users less many whose id alone tells that a filter leaves them out; in the order of their ids if `by_id`."""
    every = call.store.index(USERS_BY_ID)
    parts = conditions.get("$and")
    for part in (conditions, *(parts if isinstance(parts, list) else ())):
        wanted = part.get("id") if isinstance(part, Mapping) else None
        if isinstance(wanted, Mapping) and isinstance(after := wanted.get("$gt"), str):
            return every.after(after)
        named = wanted.get("$in") if isinstance(wanted, Mapping) else wanted
        ids = [named] if isinstance(named, str) else named
        if isinstance(ids, list) and all(isinstance(one, str) for one in ids):
            known = (call.store[USERS].get(one) for one in sorted(set(ids)))
            return (user for user in known if user is not None)
    return every.after("") if by_id else iter(call.store[USERS])


def _visible(call: Call, viewer: User | None, users: Iterable[User]) -> Iterator[User]:
    deactivated = call.flag("include_deactivated_users")
    for user in users:
        if user.deleted_at is not None or (user.deactivated_at is not None and not deactivated):
            continue
        if viewer is None or _shares_team(call, viewer, user):
            yield user


def _shown_to(call: Call, viewer: User | None, user: User) -> Entity:
    """A user in full for servers and for itself; people see nothing of each other's devices, mutes and counts."""
    if viewer is None or viewer.id == user.id:
        return full_user_view(call.sandbox, user)
    return user_view(call.sandbox, user)


def _shares_team(call: Call, viewer: User, user: User) -> bool:
    teams: list[str | None] = [*user.teams] or [None]
    return any(same_team(call.sandbox, viewer, team) for team in teams)


_NAMED = User.names() - {"custom"}


def user_value(user: User, name: str) -> Json:
    """A user's field by name, custom data included."""
    if name in _NAMED:
        return getattr(user, name)
    return dig(user.custom, name.removeprefix("custom."))


@DOMAIN.operation("CreateGuest", "POST", "/guest", family="common", access=Access.OPEN)
def create_guest(call: Call) -> Result:
    """Make a guest user and its token."""
    raw = call.mapping("user", call.body)
    wanted = people.check_user_id(raw.get("id"))
    # Also where the id is free: it may be one of the team's that nobody has used yet.
    guest_id = people.check_user_id(f"guest-{call.sandbox.ids.new()}-{wanted}")
    taken = call.take({k: v for k, v in raw.items() if k not in USER_RESERVED}, USER_INPUT, "user")
    user = User(guest_id, call.now, call.now, role="guest", custom=taken.custom)
    for name in ("name", "image"):
        setattr(user, name, call.text(name, taken.fields))
    call.store[USERS].put(user)
    return {"user": user_view(call.sandbox, user), "access_token": call.sandbox.auth.token_for(guest_id)}


def announce(call: Call, user: User) -> None:
    """user.updated to the user and to those who share a watched channel with it."""
    payload = {"user": user_view(call.sandbox, user)}
    call.emit(Event("user.updated", call.now, payload, Audience(users=people.related(call, user.id))))


def _require_self(call: Call, user_id: str) -> None:
    if not call.actor.is_server and call.actor.user_id != user_id:
        raise forbidden(f"user {call.actor.user_id} may not update user {user_id}")


FEATURE = Feature(operations=(DOMAIN,))
