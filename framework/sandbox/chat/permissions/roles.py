"""Roles and permissions of the app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.permissions.catalog import BUILT_IN_PERMISSIONS, BUILT_IN_ROLES
from framework.sandbox.chat.permissions.channel_type import BUILT_IN_SINCE, BUILT_IN_TYPES, CHANNEL_TYPES
from framework.sandbox.chat.permissions.role_records import PERMISSIONS, ROLES, Permission, Role
from framework.sandbox.chat.permissions.rules import grants_of, type_of
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("roles")
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_ID = re.compile(r"[\w!.-]{1,255}", re.ASCII)
MAX_FOUND = 100


@DOMAIN.operation("ListRoles", "GET", "/roles", family="common", access=Access.SERVER)
def list_roles(call: Call) -> Result:
    """Return every role, the built-in ones included, by name."""
    return {"roles": [_role_view(call, name) for name in _role_names(call)]}


@DOMAIN.operation("CreateRole", "POST", "/roles", family="common", access=Access.SERVER)
def create_role(call: Call) -> Result:
    """Make a role."""
    name = call.required_text("name", call.body)
    if not _NAME.fullmatch(name):
        raise invalid("name may only contain letters, digits, _ and -, 64 at most")
    if name in _role_names(call):
        raise invalid(f'role "{name}" already exists')
    call.store[ROLES].put(Role(name, call.now, call.now))
    return {"role": _role_view(call, name)}


@DOMAIN.operation("SearchRoles", "GET", "/roles/search", family="common")
def search_roles(call: Call) -> Result:
    """Roles whose name begins with a text, after `name_gt`."""
    query = call.required_text("query").casefold()
    after = call.text("name_gt") or ""
    with_global = call.flag("include_global_roles", default=True)
    kind = call.text("role_type") or ""
    limit = call.number("limit", 10, low=1, high=MAX_FOUND)
    found = [
        name
        for name in _role_names(call)
        if name.casefold().startswith(query) and name > after and _is_of(name, kind, with_global=with_global)
    ]
    return {"roles": [_role_view(call, name) for name in found[:limit]]}


def _is_of(name: str, kind: str, *, with_global: bool) -> bool:
    if name.startswith("global_") and not with_global:
        return False
    if kind not in ("", "channel", "user", "app"):
        raise invalid("role_type must be channel or user")
    return not kind or name.startswith("channel_") == (kind == "channel")


@DOMAIN.operation("DeleteRole", "DELETE", "/roles/{name}", family="common", access=Access.SERVER)
def delete_role(call: Call) -> Result:
    """Delete a role that nobody has."""
    name = call.path["name"]
    if name in BUILT_IN_ROLES:
        raise invalid(f'the built-in role "{name}" cannot be deleted')
    if name not in call.store[ROLES]:
        raise not_found(f'role "{name}" not found')
    if any(user.role == name for user in call.store[USERS]):
        raise invalid(f'role "{name}" is assigned to users: give them another one first')
    call.store[ROLES].remove(name)
    return {}


def _role_names(call: Call) -> list[str]:
    return sorted({*BUILT_IN_ROLES, *(role.name for role in call.store[ROLES])})


def _role_view(call: Call, name: str) -> dict[str, Any]:
    made = call.store[ROLES].get(name)
    created: datetime = made.created_at if made else BUILT_IN_SINCE
    types = dict.fromkeys((*BUILT_IN_TYPES, *(kind.name for kind in call.store[CHANNEL_TYPES])))
    scopes = [kind for kind in types if grants_of(type_of(call.sandbox, kind)).get(name)]
    return {
        "name": name,
        "custom": made is not None,
        "scopes": [".app", *scopes],
        "created_at": created,
        "updated_at": made.updated_at if made else created,
    }


@DOMAIN.operation("ListPermissions", "GET", "/permissions", family="common", access=Access.SERVER)
def list_permissions(call: Call) -> Result:
    """Return every permission, those of the app first."""
    made = [_permission_view(permission) for permission in call.store[PERMISSIONS]]
    return {"permissions": [*made, *BUILT_IN_PERMISSIONS.values()]}


@DOMAIN.operation("CreatePermission", "POST", "/permissions", family="common", access=Access.SERVER)
def create_permission(call: Call) -> Result:
    """Make a permission."""
    permission_id = call.required_text("id", call.body)
    if not _ID.fullmatch(permission_id):
        raise invalid("id may only contain letters, digits, !, ., _ and -")
    if permission_id in BUILT_IN_PERMISSIONS or permission_id in call.store[PERMISSIONS]:
        raise invalid(f'permission "{permission_id}" already exists')
    call.store[PERMISSIONS].put(_permission(call, permission_id))
    return {}


@DOMAIN.operation("GetPermission", "GET", "/permissions/{id}", family="common", access=Access.SERVER)
def get_permission(call: Call) -> Result:
    """One permission."""
    built_in = BUILT_IN_PERMISSIONS.get(call.path["id"])
    return {"permission": built_in or _permission_view(_made(call))}


@DOMAIN.operation("UpdatePermission", "PUT", "/permissions/{id}", family="common", access=Access.SERVER)
def update_permission(call: Call) -> Result:
    """Replace a permission of the app."""
    call.store[PERMISSIONS].put(_replaced(_made(call), _permission(call, call.path["id"])))
    return {}


@DOMAIN.operation("DeletePermission", "DELETE", "/permissions/{id}", family="common", access=Access.SERVER)
def delete_permission(call: Call) -> Result:
    """Delete a permission of the app."""
    call.store[PERMISSIONS].remove(_made(call).key)
    return {}


def _made(call: Call) -> Permission:
    permission_id = call.path["id"]
    if permission_id in BUILT_IN_PERMISSIONS:
        raise invalid(f'the built-in permission "{permission_id}" cannot be changed')
    permission = call.store[PERMISSIONS].get(permission_id)
    if permission is None:
        raise not_found(f'permission "{permission_id}" not found')
    return permission


def _permission(call: Call, permission_id: str) -> Permission:
    """Return a permission from the request's body. Raises ApiError 400."""
    condition = call.body.get("condition")
    if condition is not None and not isinstance(condition, Mapping):
        raise invalid("condition must be an object")
    return Permission(
        id=permission_id,
        name=call.required_text("name", call.body),
        action=call.required_text("action", call.body),
        description=call.text("description", call.body) or "",
        owner=call.flag("owner", call.body),
        same_team=call.flag("same_team", call.body),
        condition=dict(condition) if condition is not None else None,
    )


def _replaced(old: Permission, new: Permission) -> Permission:
    old.become(new)
    return old


def _permission_view(permission: Permission) -> dict[str, Any]:
    level = next(
        (item["level"] for item in BUILT_IN_PERMISSIONS.values() if item["action"] == permission.action), "app"
    )
    fields = permission.view().fields
    return {
        "condition": {},
        **fields,
        "custom": True,
        "level": level,
        "owner_resource": "Channel" if level == "channel" else "User",
        "tags": [],
    }


FEATURE = Feature(operations=(DOMAIN,))
