"""Tool calls that waited in the table of earlier versions. They are ended: what people were shown of them was cut."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_log = structlog.get_logger(__name__)

_TABLE = "agent_tool_calls"
_END = f"UPDATE {_TABLE} SET state = 'expired', arguments = '{{}}', shown = '' WHERE state IN ('waiting', 'approved')"  # noqa: S608 - our own words


def end_former_calls(connection: Connection) -> None:
    """End what waits in the same database. The team sees on the cards that the records are lost."""
    from sqlalchemy import inspect

    if inspect(connection).has_table(_TABLE):
        _tell(connection.exec_driver_sql(_END).rowcount, "the database")


def end_former_calls_in(file: Path) -> None:
    """The same in a bot's own SQLite file, if it is there. A file that cannot be written is left as it is."""
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=5)) as database, database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone():
                _tell(database.execute(_END).rowcount, file.name)
    except sqlite3.Error as error:
        _log.warning("approvals.former_calls_left", file=str(file), error=str(error))


def _tell(count: int, where: str) -> None:
    if count:
        hint = "Who asked for them has to ask again: an earlier version showed the team a part of their arguments only."
        _log.warning("approvals.former_calls_ended", calls=count, where=where, hint=hint)
