"""The file in which earlier versions kept the audit log: its lines are copied into the database once."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from framework.storage import Schema, Storage

_COLUMNS = (
    "at", "who", "caller", "channel", "acts_as", "operation", "arguments", "outcome", "detail", "milliseconds",
)  # fmt: skip
_BATCH = 500


def take_over(file: Path, storage: Storage, schema: Schema) -> None:
    """Copy the lines of a file, and rename it to `NAME.copied`. Raises FrameworkError if it cannot be read.

    A process that dies in the middle copies no line twice the next time. Calls that waited in the file for approval are
    not taken over: their time was an hour.
    """
    try:
        rows = _read(file)
    except sqlite3.Error as error:
        raise FrameworkError(
            f"The audit log of an earlier version cannot be read: {error}",
            where=str(file),
            hint="Move the file away to go on without its lines.",
        ) from None
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        storage.write_now(schema, partial(_copy, rows=batch))
    for suffix in ("", "-wal", "-shm"):
        beside = file.with_name(file.name + suffix)
        if beside.exists():
            beside.rename(file.with_name(f"{file.name}.copied{suffix}"))


def _read(file: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file, timeout=5)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone()
        rows = database.execute("SELECT * FROM audit ORDER BY id").fetchall() if found else []
    here = f"{socket.gethostname()}:{file.resolve()}"
    return [{**{name: row[name] for name in _COLUMNS}, "origin": f"{here}#{row['id']}"} for row in rows]


def _copy(connection: Connection, rows: list[dict[str, Any]]) -> None:
    from sqlalchemy import insert, select

    from framework.audit.tables import AUDIT

    origins = [row["origin"] for row in rows]
    known = set(connection.execute(select(AUDIT.c.origin).where(AUDIT.c.origin.in_(origins))).scalars())
    new = [{**row, "approved_by": ""} for row in rows if row["origin"] not in known]
    if new:
        connection.execute(insert(AUDIT), new)
