"""Drafts: messages that a user began to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class Draft(Record):
    """A user's draft for a channel, or for a thread of it. Attachments are as in messages."""

    cid: str
    user_id: str
    id: str
    created_at: datetime
    updated_at: datetime
    parent_id: str | None = None
    text: str = ""
    type: str = "regular"
    attachments: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Channel, thread and user: there is one draft for each."""
        return draft_key(self.cid, self.user_id, self.parent_id)


def draft_key(cid: str, user_id: str, parent_id: str | None) -> str:
    """The key of the one draft that a user has in a channel or thread."""
    return f"{cid}/{user_id}/{parent_id or ''}"


DRAFTS = Table("drafts", Draft)
DRAFTS_OF = grouped(DRAFTS, lambda draft: draft.user_id)
DRAFTS_IN = grouped(DRAFTS, lambda draft: draft.cid)
