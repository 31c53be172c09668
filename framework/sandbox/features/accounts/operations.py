"""Accounts: deactivate, reactivate, delete, restore and export users, one by one and as tasks."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.features.accounts import rules as accounts
from framework.sandbox.features.accounts.held_channels import HELD_CHANNELS_OF
from framework.sandbox.features.accounts.rules import HARD, PRUNING, SOFT
from framework.sandbox.kernel import tasks
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("accounts")
MAX_USERS = 100


@DOMAIN.operation(
    "DeactivateUser", "POST", "/users/{user_id}/deactivate", family="common", access=Access.SERVER
)  # fmt: skip
def deactivate_user(call: Call) -> Result:
    """Switch a user off."""
    user = _find(call)
    _check_author(call)
    marked = call.flag("mark_messages_deleted", call.body)
    return {"user": accounts.deactivate(call, user, mark_messages_deleted=marked)}


@DOMAIN.operation("DeactivateUsers", "POST", "/users/deactivate", family="common", access=Access.SERVER)
def deactivate_users(call: Call) -> Result:
    """Switch users off as a task, whose result says of each how it went."""
    users = _known(call)
    _check_author(call)
    marked = call.flag("mark_messages_deleted", call.body)
    channels = call.flag("mark_channels_deleted", call.body)
    for user in users:
        if user.deactivated_at is None:
            accounts.deactivate(call, user, mark_messages_deleted=marked, mark_channels_deleted=channels)
    return {"task_id": _done(call, "users.deactivate", users)}


@DOMAIN.operation(
    "ReactivateUser", "POST", "/users/{user_id}/reactivate", family="common", access=Access.SERVER
)  # fmt: skip
def reactivate_user(call: Call) -> Result:
    """Switch a user on again."""
    user = _find(call)
    _check_author(call)
    name, restored = call.text("name", call.body), call.flag("restore_messages", call.body)
    return {"user": accounts.reactivate(call, user, name=name, restore_messages=restored)}


@DOMAIN.operation("ReactivateUsers", "POST", "/users/reactivate", family="common", access=Access.SERVER)
def reactivate_users(call: Call) -> Result:
    """Switch users on again as a task, whose result says of each how it went."""
    users = _known(call)
    _check_author(call)
    restored = call.flag("restore_messages", call.body)
    channels = call.flag("restore_channels", call.body)
    for user in users:
        if user.deactivated_at is not None:
            accounts.reactivate(call, user, restore_messages=restored, restore_channels=channels)
    return {"task_id": _done(call, "users.reactivate", users)}


@DOMAIN.operation("DeleteUser", "DELETE", "/users/{user_id}", v2=None, access=Access.SERVER)
def delete_user(call: Call) -> Result:
    """Delete a user at once."""
    user = _find(call)
    hard, marked = call.flag("hard_delete"), call.flag("mark_messages_deleted")
    mode = HARD if hard else SOFT
    conversations = mode if call.flag("delete_conversation_channels") else None
    messages = mode if hard or marked else None
    return {"user": accounts.delete(call, user, mode, messages=messages, conversations=conversations)}


@DOMAIN.operation("DeleteUsers", "POST", "/users/delete", family="common", access=Access.SERVER)
def delete_users(call: Call) -> Result:
    """Delete users as a task, whose result says of each how it went: of one that is gone already, that it is."""
    users = _known(call)
    mode = _mode(call, "user", (SOFT, HARD, PRUNING)) or SOFT
    messages = _mode(call, "messages", (SOFT, HARD, PRUNING))
    conversations = _mode(call, "conversations", (SOFT, HARD))
    owner_id = call.text("new_channel_owner_id", call.body)
    owner = people.existing(call, owner_id) if owner_id else None
    if mode == SOFT and HARD in (messages, conversations):
        raise invalid("messages and conversations can only be deleted hard together with the user")
    if owner is not None and owner in users:
        raise invalid("new_channel_owner_id must not be one of the users to be deleted")
    if mode == HARD and owner is None and conversations is None and messages is None:
        messages = HARD
    for user in users:
        accounts.delete(call, user, mode, messages=messages, conversations=conversations, new_owner=owner)
    return {"task_id": _done(call, "users.delete", users)}


@DOMAIN.operation("RestoreUsers", "POST", "/users/restore", family="common", access=Access.SERVER)
def restore_users(call: Call) -> Result:
    """Bring softly deleted users back."""
    for user in _named(call):
        accounts.restore(call, user)
    return {}


@DOMAIN.operation("ExportUser", "GET", "/users/{user_id}/export", family="common", access=Access.SERVER)
def export_user(call: Call) -> Result:
    """Everything that is stored of a user."""
    return accounts.export(call, _find(call))


@DOMAIN.operation("ExportUsers", "POST", "/export/users", family="common", access=Access.SERVER)
def export_users(call: Call) -> Result:
    """Everything that is stored of some users in a file, as a task."""
    content = [accounts.export(call, user) for user in _named(call)]
    return {"task_id": tasks.export(call, "users", content)}


def _find(call: Call) -> User:
    user = call.store[USERS].get(call.path["user_id"])
    if user is None:
        raise not_found(f"User with id {call.path['user_id']} doesn't exist")
    return user


def _ids(call: Call) -> list[str]:
    ids = call.texts("user_ids", call.body)
    if not ids:
        raise invalid("user_ids is a required field")
    if len(ids) > MAX_USERS:
        raise invalid(f"user_ids must contain at most {MAX_USERS} users")
    return ids


def _known(call: Call) -> list[User]:
    """The users that a task is about, as far as there are any: the task tells of the others."""
    found = (call.store[USERS].get(user_id) for user_id in dict.fromkeys(_ids(call)))
    return [user for user in found if user is not None]


def _named(call: Call) -> list[User]:
    ids = _ids(call)
    missing = [user_id for user_id in ids if user_id not in call.store[USERS]]
    if missing:
        raise invalid(f"The following users don't exist: [{' '.join(missing)}]")
    return [people.stored(call, user_id) for user_id in dict.fromkeys(ids)]


def _check_author(call: Call) -> None:
    author = call.text("created_by_id", call.body)
    if author:
        people.existing(call, author)


def _mode(call: Call, name: str, allowed: tuple[str, ...]) -> str | None:
    value = call.text(name, call.body)
    if value and value not in allowed:
        raise invalid(f"{name} must be one of {', '.join(allowed)}")
    return value or None


def _done(call: Call, kind: str, users: list[User]) -> str:
    done = {user.id for user in users}
    gone = {"status": "error", "error": "user not found"}
    result: dict[str, Any] = {user_id: tasks.OK if user_id in done else gone for user_id in _ids(call)}
    return tasks.completed(call, kind, result)


FEATURE = Feature(operations=(DOMAIN,), forget_user=dropping(HELD_CHANNELS_OF))
