"""A person whom a campaign may reach, as the chat service describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from framework.definition.parts.hours import zone


@dataclass(frozen=True)
class Addressee:
    """`fields` has all that is known: `id`, `name`, `image`, and the custom fields of the app."""

    id: str
    fields: Mapping[str, Any]
    is_bot: bool = False

    def says(self, field: str) -> bool:
        """Return whether a field is true, as a value or as a word."""
        value = self.fields.get(field)
        return value.strip().lower() in {"true", "yes", "1"} if isinstance(value, str) else bool(value)

    def language(self, field: str, spoken: Mapping[str, object], fallback: str) -> str:
        """Return the language of the text that they get: their own, else the bot's, else the first one."""
        value = self.fields.get(field)
        own = str(value)[:2].lower() if value else ""
        return next((one for one in (own, "", fallback) if one in spoken), next(iter(spoken), ""))

    def zone(self, field: str, fallback: ZoneInfo) -> ZoneInfo:
        """Return their time zone, or `fallback` if they have none that exists."""
        value = self.fields.get(field)
        if not isinstance(value, str) or not value:
            return fallback
        try:
            return zone(value)
        except ValueError:
            return fallback

    def zone_is_unknown(self, field: str) -> bool:
        """Return whether they have a zone that does not exist."""
        value = self.fields.get(field)
        if value in (None, ""):
            return False
        try:
            zone(str(value))
        except ValueError:
            return True
        return False
