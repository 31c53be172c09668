"""Uploaded files; their bytes are in the file store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class Upload(Record):
    """An uploaded file. `kind` is "file" or "image"; `cid` is None for uploads that belong to no channel."""

    KEY = ("id",)

    id: str
    kind: str
    name: str
    mime_type: str
    size: int
    created_at: datetime
    user_id: str | None = None
    cid: str | None = None


UPLOADS = Table("uploads", Upload)
