"""How long messages and channels are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table


@dataclass(slots=True)
class RetentionPolicy(Record):
    """One policy: what is older than `max_age_hours` goes, once a day."""

    policy: str
    max_age_hours: int
    enabled_at: datetime

    @property
    def key(self) -> str:
        """The policy's name."""
        return self.policy


@dataclass(slots=True)
class RetentionRun(Record):
    """What one run of a policy deleted."""

    id: str
    policy: str
    at: datetime
    stats: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The run's id."""
        return self.id


RETENTION_POLICIES = Table("retention_policies", RetentionPolicy)
RETENTION_RUNS = Table("retention_runs", RetentionRun)
