"""What screening keeps: configurations, users who pass unchecked, and messages that it held back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.chat.messages.record import Message
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


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
