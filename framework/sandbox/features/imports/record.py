"""Imports: the files that were handed in, and the tasks that read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class ImportFile(Record):
    """A file that may be put under its random id; its bytes are in the file store once it was."""

    KEY = ("id",)

    id: str
    name: str
    created_at: datetime
    size: int | None = None

    @property
    def path(self) -> str:
        """How imports name the file."""
        return f"imports/{self.id}/{self.name}"


@dataclass(slots=True)
class ImportTask(Record):
    """An import of the first kind. `steps` are the states that it went through, with their times as text."""

    KEY = ("id",)

    id: str
    path: str
    mode: str
    created_at: datetime
    updated_at: datetime
    state: str = "uploaded"
    size: int = 0
    steps: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ImportV2Task(Record):
    """An import of the second kind. `state` is a number: see `domains/imports_v2.py`."""

    KEY = ("id",)

    id: str
    product: str
    created_at: datetime
    updated_at: datetime
    state: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None


IMPORT_FILES = Table("import_files", ImportFile)
IMPORT_TASKS = Table("import_tasks", ImportTask)
IMPORT_V2_TASKS = Table("import_v2_tasks", ImportV2Task)
