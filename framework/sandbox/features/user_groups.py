"""Groups of users, to be mentioned as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.users import people
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class UserGroup(Record):
    """A named group of users, to be mentioned as one."""

    KEY = ("id",)

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    team_id: str | None = None
    created_by: str | None = None


@dataclass(slots=True)
class GroupMember(Record):
    """A user's membership of a group."""

    KEY = ("group_id", "user_id")

    group_id: str
    user_id: str
    created_at: datetime
    is_admin: bool = False
    app_pk: int = field(default=1)


USER_GROUPS = Table("user_groups", UserGroup)
GROUP_MEMBERS = Table("group_members", GroupMember)
MEMBERS_OF_GROUP = grouped(GROUP_MEMBERS, lambda member: member.group_id)
GROUPS_OF_USER = grouped(GROUP_MEMBERS, lambda member: member.user_id)


DOMAIN = Domain("user_groups")
MAX_GROUPS = 100
MAX_MEMBERS = 100


@DOMAIN.operation("ListUserGroups", "GET", "/usergroups", family="common")
def list_user_groups(call: Call) -> Result:
    """Groups in the order of their creation, after `created_at_gt` and `id_gt`."""
    since, after = call.time("created_at_gt"), call.text("id_gt")
    groups = sorted(_of_team(call), key=lambda group: (group.created_at, group.id))
    if since is not None:
        groups = [group for group in groups if (group.created_at, group.id) > (since, after or "")]
    elif after:
        groups = [group for group in groups if group.id > after]
    limit = call.number("limit", 30, low=1, high=MAX_GROUPS)
    return {"user_groups": [_view(call, group) for group in groups[:limit]]}


@DOMAIN.operation("SearchUserGroups", "GET", "/usergroups/search", family="common")
def search_user_groups(call: Call) -> Result:
    """Groups whose name begins with a text, by name, after `name_gt` and `id_gt`."""
    query = call.required_text("query").casefold()
    after = (call.text("name_gt") or "", call.text("id_gt") or "")
    found = [group for group in _of_team(call) if group.name.casefold().startswith(query)]
    if any(after):
        found = [group for group in found if (group.name, group.id) > after]
    limit = call.number("limit", 10, low=1, high=MAX_GROUPS)
    return {"user_groups": [_view(call, group) for group in sorted(found, key=lambda one: (one.name, one.id))[:limit]]}


@DOMAIN.operation("CreateUserGroup", "POST", "/usergroups", family="common", access=Access.SERVER)
def create_user_group(call: Call) -> Result:
    """Make a group, with members if some are named."""
    name = call.required_text("name", call.body)
    group_id = call.text("id", call.body) or call.sandbox.ids.new()
    if len(group_id) > people.MAX_USER_ID:
        raise invalid(f"id must be a maximum of {people.MAX_USER_ID} characters in length")
    if group_id in call.store[USER_GROUPS]:
        raise invalid(f"user group with id {group_id} already exists")
    members = _named(call)
    group = UserGroup(group_id, name, call.now, call.now, call.text("description", call.body))
    group.team_id = call.text("team_id", call.body)
    user = people.acting_user_or_none(call)
    group.created_by = user.id if user is not None else None
    call.store[USER_GROUPS].put(group)
    _add(call, group, members, as_admin=False)
    return {"user_group": _view(call, group)}


@DOMAIN.operation("GetUserGroup", "GET", "/usergroups/{id}", family="common")
def get_user_group(call: Call) -> Result:
    """One group with its members."""
    return {"user_group": _view(call, _find(call))}


@DOMAIN.operation("UpdateUserGroup", "PUT", "/usergroups/{id}", family="common", access=Access.SERVER)
def update_user_group(call: Call) -> Result:
    """Change a group's name, description or team."""
    group = _find(call, by_team=False)
    given = {name: call.text(name, call.body) for name in ("name", "description", "team_id")}
    if given["name"] == "":
        raise invalid("name must not be empty")
    for name, value in given.items():
        if value is not None:
            setattr(group, name, value)
    group.updated_at = call.now
    call.store[USER_GROUPS].put(group)
    return {"user_group": _view(call, group)}


@DOMAIN.operation("DeleteUserGroup", "DELETE", "/usergroups/{id}", family="common", access=Access.SERVER)
def delete_user_group(call: Call) -> Result:
    """Delete a group; its members stay users."""
    group = _find(call)
    for member in call.store.index(MEMBERS_OF_GROUP).of(group.id):
        call.store[GROUP_MEMBERS].remove(member.key)
    call.store[USER_GROUPS].remove(group.key)
    return {}


@DOMAIN.operation("AddUserGroupMembers", "POST", "/usergroups/{id}/members", family="common", access=Access.SERVER)
def add_user_group_members(call: Call) -> Result:
    """Add members, optionally as admins of the group."""
    group, members = _find(call), _named(call, required=True)
    _add(call, group, members, as_admin=call.flag("as_admin", call.body))
    return {"user_group": _view(call, group)}


@DOMAIN.operation(
    "RemoveUserGroupMembers", "POST", "/usergroups/{id}/members/delete", family="common", access=Access.SERVER
)
def remove_user_group_members(call: Call) -> Result:
    """Remove members. Users who are not members are skipped."""
    group = _find(call)
    ids = call.texts("member_ids", call.body)
    if not ids:
        raise invalid("member_ids is a required field")
    for user_id in ids:
        call.store[GROUP_MEMBERS].remove(f"{group.id}/{user_id}")
    group.updated_at = call.now
    call.store[USER_GROUPS].put(group)
    return {"user_group": _view(call, group)}


def _of_team(call: Call) -> list[UserGroup]:
    team = call.text("team_id")
    return [group for group in call.store[USER_GROUPS] if team is None or group.team_id == team]


def _find(call: Call, *, by_team: bool = True) -> UserGroup:
    group = call.store[USER_GROUPS].get(call.path["id"])
    team = call.text("team_id") if by_team else None
    if group is None or (team is not None and group.team_id != team):
        raise not_found(f"user group with id {call.path['id']} not found")
    return group


def _named(call: Call, *, required: bool = False) -> list[str]:
    ids = call.texts("member_ids", call.body)
    if required and not ids:
        raise invalid("member_ids is a required field")
    if len(ids) > MAX_MEMBERS:
        raise invalid(f"member_ids cannot name more than {MAX_MEMBERS} users")
    return [people.existing(call, user_id).id for user_id in ids]


def _add(call: Call, group: UserGroup, user_ids: list[str], *, as_admin: bool) -> None:
    for user_id in user_ids:
        member = call.store[GROUP_MEMBERS].get(f"{group.id}/{user_id}") or GroupMember(group.id, user_id, call.now)
        member.is_admin = as_admin or member.is_admin
        call.store[GROUP_MEMBERS].put(member)
    group.updated_at = call.now
    call.store[USER_GROUPS].put(group)


def _view(call: Call, group: UserGroup) -> dict[str, Any]:
    members = call.store.index(MEMBERS_OF_GROUP).of(group.id)
    return {**group.view().fields, "members": [member.view().fields for member in members]}


FEATURE = Feature(operations=(DOMAIN,), forget_user=dropping(GROUPS_OF_USER))
