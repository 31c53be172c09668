"""Custom slash commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Table


@dataclass(slots=True)
class Command(Record):
    """A command that the app made; what it does is up to the app's command webhook."""

    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    args: str = ""
    set: str = ""

    @property
    def key(self) -> str:
        """The command's name, without the slash."""
        return self.name


COMMANDS = Table("commands", Command)
