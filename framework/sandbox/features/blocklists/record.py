"""Blocklists: words, patterns, domains and addresses that messages may not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from framework.sandbox.chat.permissions.channel_type import BUILT_IN_SINCE
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table

TYPES = ("word", "regex", "domain", "domain_allowlist", "email", "email_allowlist")
SWITCHES = (
    "is_leet_check_enabled", "is_plural_check_enabled", "is_confusable_folding_enabled",
    "is_substring_matching_enabled",
)  # fmt: skip


@dataclass(slots=True)
class Blocklist(Record):
    """A list that the app made. A team's list of a name hides the app's own list of that name."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"built_in"})

    name: str
    id: str
    created_at: datetime
    updated_at: datetime
    type: str = "word"
    words: list[str] = field(default_factory=list)
    team: str | None = None
    is_leet_check_enabled: bool = False
    is_plural_check_enabled: bool = False
    is_confusable_folding_enabled: bool = False
    is_substring_matching_enabled: bool = False
    built_in: bool = False

    @property
    def key(self) -> str:
        """Team and name."""
        return blocklist_key(self.name, self.team)


def blocklist_key(name: str, team: str | None) -> str:
    """Return the key of a list."""
    return f"{team or ''}/{name}"


BLOCKLISTS = Table("blocklists", Blocklist)
PROFANITY = Blocklist(
    "profanity_en_2020_v1",
    "profanity_en_2020_v1",
    BUILT_IN_SINCE,
    BUILT_IN_SINCE,
    words=["arsehole", "asshole", "bastard", "bitch", "bollocks", "bullshit", "cunt", "dickhead", "fuck", "fucker",
           "fucking", "motherfucker", "piss off", "shit", "slut", "twat", "wanker", "whore"],
    is_plural_check_enabled=True,
    built_in=True,
)  # fmt: skip
"""The list that every app has. The service's own is longer."""
