"""Groups of users, to be mentioned as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


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


USER_GROUPS = Table("user_groups", UserGroup)
GROUP_MEMBERS = Table("group_members", GroupMember)
MEMBERS_OF_GROUP = grouped(GROUP_MEMBERS, lambda member: member.group_id)
GROUPS_OF_USER = grouped(GROUP_MEMBERS, lambda member: member.user_id)
