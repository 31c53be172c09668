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

    config_key: str
    team: str
    created_at: datetime
    updated_at: datetime
    is_async: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Team and key."""
        return f"{self.team}/{self.config_key}"


@dataclass(slots=True)
class Bypass(Record):
    """A user whose content is not checked."""

    user_id: str
    created_at: datetime

    @property
    def key(self) -> str:
        """The user's id."""
        return self.user_id


MODERATION_CONFIGS = Table("moderation_configs", ModerationConfig)
BYPASSES = Table("moderation_bypasses", Bypass)
BLOCKED: Table[Message] = Table("blocked_messages", Message)
"""Messages that were held back: moderators may still let them through."""
