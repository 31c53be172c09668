"""Earlier versions of messages: what `QueryMessageHistory` answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table, grouped


@dataclass(slots=True)
class MessageVersion(Record):
    """A message as it was before an update or its deletion. Attachments are as in messages."""

    id: str
    message_id: str
    message_updated_by_id: str
    message_updated_at: datetime
    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    is_deleted: bool = False
    custom: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The version's own id."""
        return self.id


VERSIONS = Table("message_versions", MessageVersion)
VERSIONS_OF = grouped(VERSIONS, lambda version: version.message_id)
