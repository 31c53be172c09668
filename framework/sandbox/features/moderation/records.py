"""What moderation keeps: flags, rules, configurations, users who pass unchecked, and messages that were held back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.chat.messages.record import Message
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

MESSAGE = "stream:chat:v1:message"
USER = "stream:user"
AUTOMOD = "automod"
"""The reporter of what no user reported."""


@dataclass(slots=True)
class Flag(Record):
    """A report of a message, a user, or something of the app's own. `type` says what kind of reporter it came from."""

    KEY = ("id",)

    id: str
    user_id: str
    entity_type: str
    entity_id: str
    created_at: datetime
    updated_at: datetime
    type: str = "user_report"
    item_id: str = ""
    entity_creator_id: str | None = None
    cid: str | None = None
    reason: str | None = None
    labels: list[str] = field(default_factory=list)
    result: list[dict[str, Any]] = field(default_factory=list)
    original_text: str = ""
    reviewed_at: datetime | None = None
    reviewed_by_id: str | None = None
    approved_at: datetime | None = None
    rejected_at: datetime | None = None
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FlagReview(Record):
    """What a moderator said to the reports of one entity."""

    KEY = ("item_id",)

    item_id: str
    user_id: str
    created_at: datetime
    review_result: str
    details: dict[str, Any] = field(default_factory=dict)


FLAGS = Table("flags", Flag)
FLAGS_TO = grouped(FLAGS, lambda flag: f"{flag.entity_type}/{flag.entity_id}")
FLAG_REVIEWS = Table("flag_reviews", FlagReview)


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


@dataclass(slots=True)
class RuleRest(Record):
    """When a rule with a `cooldown_period` last applied to what a user wrote."""

    KEY = ("rule_id", "user_id")

    rule_id: str
    user_id: str
    applied_at: datetime


RULE_RESTS = Table("moderation_rule_rests", RuleRest)


@dataclass(slots=True)
class ModerationConfig(Record):
    """What is looked for, and what is done then. `settings` holds the parts as the client sent them."""

    KEY = ("team", "config_key")

    config_key: str
    team: str
    created_at: datetime
    updated_at: datetime
    is_async: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Bypass(Record):
    """A user whose content is not checked."""

    KEY = ("user_id",)

    user_id: str
    created_at: datetime


MODERATION_CONFIGS = Table("moderation_configs", ModerationConfig)
BYPASSES = Table("moderation_bypasses", Bypass)
BLOCKED: Table[Message] = Table("blocked_messages", Message)
"""Messages that were held back: moderators may still let them through."""
