"""Rules of the moderation: conditions, and what is done when they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class ModerationRule(Record):
    """One rule. Conditions, groups and the action are as the client sent them."""

    KEY = ("id",)

    id: str
    name: str
    rule_type: str
    created_at: datetime
    updated_at: datetime
    team: str = ""
    description: str = ""
    enabled: bool = True
    logic: str = "AND"
    cooldown_period: str | None = None
    config_keys: list[str] = field(default_factory=list)
    conditions: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    action: dict[str, Any] = field(default_factory=dict)
    action_sequences: list[dict[str, Any]] = field(default_factory=list)


MODERATION_RULES = Table("moderation_rules", ModerationRule)
