"""As whom a call is made: the users that its arguments name, and what remains of them beside a user's own token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from framework.catalog.execution.custom import FLAT_AT_THE_TOP

if TYPE_CHECKING:
    from framework.catalog.operation import Operation

# Arguments that say who does it, for a call with the app's own token.
_IDS = frozenset(
    {
        "user_id",
        "user",
        "banned_by_id",
        "banned_by",
        "created_by_id",
        "created_by",
        "deleted_by",
        "sender_id",
        "truncated_by_id",
        "undeleted_by",
    }
)
# Where such arguments stand inside others.
_CONTAINERS = ("message", "reaction", "event", "data", "payload", "preferences")
# Under these names stands a whole user; under those, what is compared or kept and not read as a user.
_USERS = frozenset({"user", "created_by", "banned_by"})
_AS_IT_IS = frozenset({"filter", "filter_conditions", "message_filter_conditions", "set", "custom", "attachments"})
_ABOUT_USERS = frozenset({"CreateGuest", "UpdateUsers", "UpdateUsersPartial"})
# Here `user` is somebody, or something, to whom it is done.
_NO_ACTOR = {"CreateGuest": "user", "DeleteUsers": "user"}


def actors(operation: Operation, arguments: dict[str, Any]) -> set[str]:
    """The ids of all users that these arguments call the doers of the operation."""
    found: set[str] = set()
    for holder in _holders(operation, arguments):
        for name in _IDS & holder.keys():
            value = holder[name]
            user_id = value.get("id") if isinstance(value, dict) else value
            if isinstance(user_id, str) and user_id:
                found.add(user_id)
    return found


def described(operation: Operation, arguments: dict[str, Any]) -> set[str]:
    """The ids of users of whom the arguments tell more than the id: the app's own token changes them by the way."""
    if operation.id in _ABOUT_USERS:
        return set()
    return {str(user.get("id")) for user in users_in(arguments) if user.keys() - {"id"}}


def without_actors(operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments for a call with a user's token, which says already who does it."""
    kept = {name: value for name, value in arguments.items() if not _is_actor(operation, name)}
    for name in _containers(operation):
        if isinstance(kept.get(name), dict):
            kept[name] = {key: value for key, value in kept[name].items() if key not in _IDS}
        elif isinstance(kept.get(name), list):
            kept[name] = [_without_ids(item) for item in kept[name]]
    return kept


def with_actor(operation: Operation, arguments: dict[str, Any], user_id: str) -> dict[str, Any]:
    """The arguments for a call with the app's token in a user's name, where the operation asks for one."""
    takes = any(p.name == "user_id" and p.place != "path" for p in operation.parameters)
    if not takes or actors(operation, arguments):
        return arguments
    return arguments | {"user_id": user_id}


def users_in(value: object) -> Iterator[dict[str, Any]]:
    """Objects that stand for a user, but for those in a filter, and in what is set as it is."""
    if isinstance(value, list):
        for item in value:
            yield from users_in(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in _USERS and isinstance(inner, dict):
                yield inner
            elif name not in _AS_IT_IS:
                yield from users_in(inner)


def _without_ids(item: object) -> object:
    return {k: v for k, v in item.items() if k not in _IDS} if isinstance(item, dict) else item


def _containers(operation: Operation) -> tuple[str, ...]:
    return (*_CONTAINERS, "custom") if operation.id in FLAT_AT_THE_TOP else _CONTAINERS


def _is_actor(operation: Operation, name: str) -> bool:
    if name not in _IDS or _NO_ACTOR.get(operation.id) == name:
        return False
    return all(parameter.place != "path" for parameter in operation.parameters if parameter.name == name)


def _holders(operation: Operation, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {name: value for name, value in arguments.items() if _is_actor(operation, name)}
    for name in _containers(operation):
        value = arguments.get(name)
        yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict))
