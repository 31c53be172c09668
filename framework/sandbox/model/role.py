"""Roles, permissions, and groups of users."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class Role(Record):
    """A role that the app made."""

    name: str
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> str:
        """The role's name."""
        return self.name


@dataclass(slots=True)
class Permission(Record):
    """A permission that the app made: an action, and what must hold for it to be allowed."""

    id: str
    name: str
    action: str
    description: str = ""
    owner: bool = False
    same_team: bool = False
    condition: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The permission's id."""
        return self.id


@dataclass(slots=True)
class UserGroup(Record):
    """A named group of users, to be mentioned as one."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    team_id: str | None = None
    created_by: str | None = None

    @property
    def key(self) -> str:
        """The group's id."""
        return self.id


@dataclass(slots=True)
class GroupMember(Record):
    """A user's membership of a group."""

    group_id: str
    user_id: str
    created_at: datetime
    is_admin: bool = False
    app_pk: int = field(default=1)

    @property
    def key(self) -> str:
        """Group and user."""
        return f"{self.group_id}/{self.user_id}"


ROLES = Table("roles", Role)
PERMISSIONS = Table("permissions", Permission)
USER_GROUPS = Table("user_groups", UserGroup)
GROUP_MEMBERS = Table("group_members", GroupMember)
MEMBERS_OF_GROUP = grouped(GROUP_MEMBERS, lambda member: member.group_id)
GROUPS_OF_USER = grouped(GROUP_MEMBERS, lambda member: member.user_id)
