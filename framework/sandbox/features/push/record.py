"""Push providers, templates, and what users want to be told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

PROVIDER_TYPES = ("apn", "firebase", "huawei", "xiaomi")


@dataclass(slots=True)
class PushProvider(Record):
    """The credentials of one provider, under the names that the client sent them."""

    KEY = ("type", "name")

    type: str
    name: str
    created_at: datetime
    updated_at: datetime
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class PushTemplate(Record):
    """What a provider is sent for one kind of event."""

    KEY = ("push_provider_internal_id", "event_type")

    push_provider_internal_id: str
    event_type: str
    created_at: datetime
    updated_at: datetime
    enable_push: bool = True
    template: str | None = None


@dataclass(slots=True)
class PushPreference(Record):
    """What a user wants to be told of, everywhere or in one channel (`cid`)."""

    KEY = ("user_id", "cid")

    user_id: str
    cid: str
    disabled_until: datetime | None = None
    settings: dict[str, Any] = field(default_factory=dict)


PUSH_PROVIDERS = Table("push_providers", PushProvider)
PUSH_TEMPLATES = Table("push_templates", PushTemplate)
PUSH_PREFERENCES = Table("push_preferences", PushPreference)
PUSH_PREFERENCES_OF = grouped(PUSH_PREFERENCES, lambda preference: preference.user_id)
