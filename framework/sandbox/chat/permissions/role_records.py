"""Roles, permissions, and groups of users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class Role(Record):
    """A role that the app made."""

    KEY = ("name",)

    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Permission(Record):
    """A permission that the app made: an action, and what must hold for it to be allowed."""

    KEY = ("id",)

    id: str
    name: str
    action: str
    description: str = ""
    owner: bool = False
    same_team: bool = False
    condition: dict[str, Any] | None = None


ROLES = Table("roles", Role)
PERMISSIONS = Table("permissions", Permission)
