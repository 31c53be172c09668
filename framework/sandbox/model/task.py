"""Tasks, and the files that exports leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table


@dataclass(slots=True)
class Task(Record):
    """Work that the service does after its answer. The sandbox does it at once: a stored task is done."""

    id: str
    created_at: datetime
    updated_at: datetime
    kind: str
    status: str = "completed"
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The task's id."""
        return self.id


@dataclass(slots=True)
class ExportFile(Record):
    """A file made by an export. Whoever knows its random id may read it, as with the service's signed URLs."""

    id: str
    kind: str
    created_at: datetime
    content: Any = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The file's random id."""
        return self.id


TASKS = Table("tasks", Task)
EXPORT_FILES = Table("export_files", ExportFile)
