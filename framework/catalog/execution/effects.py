"""The classes of one call: those of its operation, and those that its arguments add.

`Ban` writes; `Ban` with `delete_messages` destroys as well. What is looked at is what will be sent (`custom.as_sent`),
and names count in any case, since services written in Go read them so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from framework.catalog.execution.actor import users_in
from framework.catalog.operation import EFFECTS, Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.catalog.operation import Operation

_RIGHTS = ("role", "teams", "teams_role")
"""Fields of a user that say what the user may do."""
_STANDING = (*_RIGHTS, "banned", "shadow_banned", "ban_expires", "deactivated_at", "deleted_at")
_TOKENS = "revoke_tokens_issued_before"
_MEMBER_RIGHTS = ("channel_role", "role", "is_moderator", "banned", "shadow_banned")
_CHANNEL_RULES = ("config_overrides", "team", "own_capabilities")
_MEMBERSHIP = ("add_members", "remove_members", "add_moderators", "demote_moderators", "assign_roles", "invites")
_PLAIN_ROLES = ("user", "guest", "anonymous", "channel_member")
"""Roles that give no more than everybody has."""
_ACTIONS: Mapping[str, Effect] = {"bypass": "administers", "custom": "administers"}
"""Actions of SubmitAction beside those whose names begin with `delete_`, which destroy."""


def _paths(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in names)


def _changes(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The places of fields in a partial update: what is set and what is unset."""
    return _paths(f"{prefix}set.", names) + _paths(f"{prefix}unset.", names)


_DELETING = ("delete_messages", "delete_reactions")
_MARKING = ("mark_messages_deleted", "mark_channels_deleted")
_CHANNEL_DATA = _paths("data.", ("config_overrides",)) + _paths("data.*.*.", ("channel_role",))
_VISIBILITY = ("restricted_visibility",)
# A place is a path of names; `*` is any name, or any item of a list.
_BY_ARGUMENT: Mapping[str, Mapping[Effect, tuple[str, ...]]] = {
    "Ban": {"destroys": _DELETING},
    "HideChannel": {"destroys": ("clear_history",)},
    "DeactivateUser": {"destroys": _MARKING},
    "DeactivateUsers": {"destroys": _MARKING},
    "UpdateApp": {"destroys": (_TOKENS, "disable_auth_checks", "disable_permissions_checks")},
    "UpdateChannel": {"administers": _MEMBERSHIP + _paths("data.", _CHANNEL_RULES)},
    "UpdateChannelPartial": {"administers": _changes("", _CHANNEL_RULES)},
    "GetOrCreateChannel": {"administers": _CHANNEL_DATA},
    "GetOrCreateDistinctChannel": {"administers": _CHANNEL_DATA},
    "UpdateMemberPartial": {"administers": _changes("", _MEMBER_RIGHTS)},
    "UpdateUsers": {"administers": _paths("users.*.", (*_STANDING, _TOKENS))},
    "UpdateUsersPartial": {"administers": _changes("users.*.", (*_STANDING, _TOKENS))},
    "UpdateMessagePartial": {"administers": _changes("", _VISIBILITY)},
    "AddUserGroupMembers": {"administers": ("as_admin",)},
    "SetRetentionPolicy": {"destroys": ("max_age_hours",)},
    "SubmitAction": {"destroys": _paths("*.", (*_DELETING, "hard_delete"))},
}


def effects_of(operation: Operation, arguments: dict[str, Any]) -> dict[Effect, str]:
    """The classes of a call, each with the argument that adds it; "" for those of the operation itself."""
    found: dict[Effect, str] = {}
    for effect, place in _added(operation, arguments):
        found.setdefault(effect, place)
    found |= dict.fromkeys(operation.effects, "")
    return {effect: found[effect] for effect in EFFECTS if effect in found}


def effects_by_argument(operation: Operation) -> dict[Effect, list[str]]:
    """Which arguments of an operation add which class, for people to read."""
    told = {effect: list(places) for effect, places in _BY_ARGUMENT.get(operation.id, {}).items()}
    if operation.id == "SubmitAction":
        told = {"destroys": ["action_type: delete_*", *told["destroys"]]}
        told["administers"] = [f"action_type: {name}" for name in _ACTIONS]
    return told


def _added(operation: Operation, arguments: dict[str, Any]) -> Iterator[tuple[Effect, str]]:
    for effect, places in _BY_ARGUMENT.get(operation.id, {}).items():
        for place in places:
            if any(_counts(place, value) for value in _at(arguments, place.split("."))):
                yield effect, place
    if operation.id == "SubmitAction":
        yield from _of_action(arguments)
    for user in users_in(arguments):
        for name, value in user.items():
            if name.casefold() in (*_STANDING, _TOKENS) and _counts(name, value):
                yield "administers", f"user.{name}"


def _of_action(arguments: dict[str, Any]) -> Iterator[tuple[Effect, str]]:
    for action in (str(arguments.get("action_type", "")), *arguments):
        if action.startswith("delete_"):
            yield "destroys", action
        elif action in _ACTIONS:
            yield _ACTIONS[action], action


def _at(value: object, place: list[str]) -> Iterator[object]:
    """The values at a place. A name in a list, as in `unset`, is there with the value True."""
    if not place:
        yield value
        return
    head, rest = place[0], place[1:]
    for name, item in _named(value):
        if head in {"*", name}:
            yield from _at(item, rest)


def _named(value: object) -> Iterator[tuple[str, object]]:
    """What a value holds, by folded names; "" for an item of a list. A path (`config_overrides.grants`) is named by
    its first part.
    """
    if isinstance(value, dict):
        yield from ((str(key).casefold().partition(".")[0], item) for key, item in value.items())
    elif isinstance(value, list):
        for item in value:
            yield (item.casefold().partition(".")[0], True) if isinstance(item, str) else ("", item)


def _counts(place: str, value: object) -> bool:
    """Whether a value does anything. In a partial update everything does, since it replaces what was there."""
    if place.split(".")[-2:-1] in (["set"], ["unset"]):
        return True
    if place.casefold().rpartition(".")[2] in {"role", "channel_role"} and value in _PLAIN_ROLES:
        return False
    return value not in (None, False, "", [], {})
