"""External storage: where the service would put recordings and exports, or take imports from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table


@dataclass(slots=True)
class ExternalStorage(Record):
    """A bucket with what it takes to reach it. `settings` are never shown."""

    name: str
    type: str
    bucket: str
    path: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The storage's name."""
        return self.name


@dataclass(slots=True)
class ImporterStorage(Record):
    """The one bucket that imports come from."""

    type: str
    created_at: datetime
    updated_at: datetime
    settings: dict[str, Any] = field(default_factory=dict)
    id: str = "importer"

    @property
    def key(self) -> str:
        """There is one."""
        return self.id


EXTERNAL_STORAGES = Table("external_storages", ExternalStorage)
IMPORTER_STORAGES = Table("importer_storages", ImporterStorage)
