"""The app's settings: one record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class AppSettings(Record):
    """What `UpdateApp` changed; everything else has its default."""

    KEY = ("id",)

    id: str = "app"
    settings: dict[str, Any] = field(default_factory=dict)


APP = Table("app", AppSettings)
