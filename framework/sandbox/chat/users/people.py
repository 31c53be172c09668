"""Who acts: the token's user, or the one that a server names; and making users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from framework.sandbox.chat.channels.record import MEMBERS_OF, MEMBERSHIPS_OF
from framework.sandbox.chat.users.record import USER_INPUT, USER_RESERVED, USERS, User
from framework.sandbox.kernel.errors import forbidden, invalid, too_long, unauthenticated
from framework.sandbox.kernel.protocol import ActorKind
from framework.sandbox.kernel.wire import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Input

_ID = re.compile(r"[A-Za-z0-9@_\-.|! ]+")
MAX_USER_ID = 255
_CLIENT_MAY_NOT_SET = ("role", "teams", "teams_role")


def acting_user(call: Call, *sources: Mapping[str, Any] | None) -> User:
    """Return the user on whose behalf a call acts. Raises ApiError 400 when a server names none.

    A server names it as `user` or `user_id`, in one of `sources` or among the call's parameters; a `user` object is
    created or updated on the way, as the service does.
    """
    user = acting_user_or_none(call, *sources)
    if user is None:
        raise invalid("either user or user_id must be provided when using server side auth.")
    return user


def acting_user_or_none(call: Call, *sources: Mapping[str, Any] | None) -> User | None:
    """Like `acting_user`, but None for a server that speaks for nobody."""
    if call.actor.kind is ActorKind.ANONYMOUS:
        # Nothing is looked up: the id was made up by a caller who proved nothing.
        return User(call.actor.user_id or "anon:", call.now, call.now, role="anonymous")
    if call.actor.user_id is not None:
        user = call.store[USERS].get(call.actor.user_id)
        if user is None:
            raise unauthenticated(f"the user {call.actor.user_id} does not exist: connect it or create it first")
        if user.deleted_at is not None:
            raise unauthenticated(f"the user {user.id} was deleted")
        return user
    for source in (*sources, call.payload):
        if source is None:
            continue
        named = source.get("user")
        by_id = call.text("user_id", source)
        if isinstance(named, Mapping):
            # In the query string clients name the user of each call, whatever the body says.
            if by_id and (source is not call.payload or "user_id" in call.body):
                _refuse_both(call, named)
            return upsert(call, named)
        if by_id:
            return existing(call, by_id)
    return None


def _refuse_both(call: Call, named: Mapping[str, Any]) -> NoReturn:
    """400 as the service words it, with the object that says who acts in two ways."""
    inside = (key for key, value in call.body.items() if isinstance(value, Mapping) and value.get("user") is named)
    prefix = "".join(f"{key}." for key in inside)
    raise invalid(f"cannot set both {prefix}user and {prefix}user_id")


def existing(call: Call, user_id: object) -> User:
    """Return a user by id. Raises ApiError 400 if the user does not exist."""
    user = call.store[USERS].get(user_id) if isinstance(user_id, str) else None
    if user is None:
        raise invalid(
            f"The following users are involved in the operation, but don't exist: [{user_id}]. Please create them first"
        )
    if user.deleted_at is not None:
        raise invalid(f"The following users are involved in the operation, but were deleted: [{user_id}]")
    return user


def stored(call: Call, user_id: str) -> User:
    """Return a user by id, also a deleted one. Raises ApiError 400 if the user never existed."""
    user = call.store[USERS].get(user_id)
    if user is None:
        raise invalid(f"The following users don't exist: [{user_id}]")
    return user


def related(call: Call, user_id: str) -> tuple[str, ...]:
    """The user and everyone who is a member of a channel with it, as far as they are connected."""
    found = {user_id: None}
    for membership in call.store.index(MEMBERSHIPS_OF).of(user_id):
        for member in call.store.index(MEMBERS_OF).of(membership.cid):
            found[member.user_id] = None
    return tuple(other for other in found if call.sandbox.hub.is_online(other))


def mention(call: Call, named: object) -> User:
    """A user that a request names by id or by object; an object creates it."""
    if isinstance(named, Mapping):
        if set(named) == {"id"} and named["id"] in call.store[USERS]:
            return existing(call, named["id"])
        return upsert(call, named) if call.actor.is_server else existing(call, named.get("id"))
    return existing(call, named)


def check_user_id(user_id: object) -> str:
    """Return a well-formed user id. Raises ApiError 400."""
    if not isinstance(user_id, str) or not user_id:
        raise invalid("user.id is a required field and must be a non-empty string")
    if len(user_id) > MAX_USER_ID:
        raise too_long(f"user.id must be a maximum of {MAX_USER_ID} characters in length")
    if not _ID.fullmatch(user_id):
        raise invalid(f'the user id "{user_id}" may only contain a-z, 0-9, @, _, - and .')
    return user_id


def upsert(call: Call, raw: Mapping[str, Any], *, replace: bool = False) -> User:
    """Create a user, or update the fields that are given. `replace` drops custom data that is not given."""
    user_id = check_user_id(raw.get("id"))
    taken = call.take({k: v for k, v in raw.items() if k not in USER_RESERVED}, USER_INPUT, "user")
    user = call.store[USERS].get(user_id)
    if user is not None and user.deleted_at is not None:
        raise invalid(f"user with id {user_id} was deleted: restore it, or choose another id")
    if user is not None and len(raw) == 1 and not replace:
        return user
    if user is None:
        user = User(user_id, call.now, call.now)
        apply(call, user, taken)
        return call.store[USERS].put(user)
    if apply(call, user, taken, replace=replace):
        user.updated_at = call.now
        call.store[USERS].put(user)
    return user


def apply(call: Call, user: User, taken: Input, *, replace: bool = False) -> bool:
    """Set what was given; whether anything changed. A person may not raise its own role."""
    before = user.encode()
    if not call.actor.is_server:
        for name in _CLIENT_MAY_NOT_SET:
            given = taken.fields.pop(name, None)
            if given is not None and given != getattr(user, name):
                raise forbidden(f"changing {name} is only allowed with a server-side token")
    if own := taken.custom.keys() & (USER_INPUT | USER_RESERVED):
        raise invalid(f"user custom data cannot have the names {', '.join(sorted(own))}: they are reserved")
    fields = _checked(taken.fields)
    for name, value in fields.items():
        setattr(user, name, value)
    user.custom = dict(taken.custom) if replace else {**user.custom, **taken.custom}
    return user.encode() != before


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "id":
            continue
        rule = _RULES[name]
        if value is None:
            checked[name] = _EMPTY.get(name)
        elif name == "revoke_tokens_issued_before":
            checked[name] = _revocation(value)
        elif not isinstance(value, rule):
            raise invalid(f"user.{name} has the wrong type")
        else:
            checked[name] = value
    teams = checked.get("teams")
    checked["teams"] = [] if teams is None else teams
    if "teams" not in fields:
        del checked["teams"]
    elif not all(isinstance(team, str) for team in checked["teams"]):
        raise invalid("user.teams must be a list of strings")
    return checked


def _revocation(value: object) -> datetime:
    return parse_time(value, "revoke_tokens_issued_before")


_RULES: dict[str, type] = {
    "name": str,
    "image": str,
    "role": str,
    "teams": list,
    "teams_role": dict,
    "language": str,
    "invisible": bool,
    "privacy_settings": dict,
    "push_notifications": dict,
    "revoke_tokens_issued_before": object,
}
_EMPTY: dict[str, Any] = {"role": "user", "language": "", "invisible": False, "teams": []}
