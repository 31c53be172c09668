"""The journal on a SQLite file in WAL mode: changes of many calls share one commit.

A commit survives the death of the process (kill -9). `synchronous` is NORMAL: only a power cut may take the last
commits.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, create_engine, event, inspect, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError

from framework.sandbox.kernel.errors import ApiError, SandboxStartError
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.wire import Untyped

Change = tuple[str, str]
Undo = Callable[[dict[Change, bytes | None]], None]

_log = logging.getLogger("framework.sandbox")
_METADATA = MetaData()
# Rows in the order they come and a small index beside them: half the pages to write of a table ordered by its keys.
_RECORDS = Table(
    "records",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("records_by_key", "kind", "key", unique=True),
)
_UPSERT = (
    "INSERT INTO records (kind, key, document) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document"
)
_DELETE = "DELETE FROM records WHERE kind = ? AND key = ?"
_CHECKPOINT_AFTER = 2_000
"""Commits after which the WAL is folded back, on a thread: that waits for the disk, commits do not."""


class SqliteJournal:
    """Writes documents to a SQLite file. Raises SandboxStartError when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _open(path)
        # A statement through SQLAlchemy's compiler costs several times what SQLite itself takes for it.
        self._pooled = self._engine.raw_connection()
        self._raw: sqlite3.Connection = cast("sqlite3.Connection", self._pooled.driver_connection)
        self._pending: dict[Change, Record | None] = {}
        self._flush: asyncio.Future[None] | None = None
        self._commits = 0
        self._checkpoint: asyncio.Future[None] | None = None
        self._undo: Undo | None = None

    def load(self, table: str) -> Iterable[bytes]:
        """Return the documents of a kind, oldest first."""
        query = select(_RECORDS.c.document).where(_RECORDS.c.kind == table).order_by(_RECORDS.c.position)
        with self._engine.connect() as connection:
            try:
                return [row[0] for row in connection.execute(query)]
            except DatabaseError as error:
                raise _unusable(self._path, error) from error

    def note(self, table: str, key: str, record: Record | None) -> None:
        """Remember a change for the next commit; the last change of a key wins."""
        self._pending[table, key] = record

    def on_failure(self, undo: Undo) -> None:
        """Whom to tell of changes that could not be committed, each with the document that still holds."""
        self._undo = undo

    async def commit(self) -> None:
        """Wait for the commit that holds every change noted so far. Raises ApiError 500 when the disk refuses it."""
        if not self._pending:
            return
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.create_future()
            # The calls that are handled in this round of the loop share one commit.
            loop.call_soon(self._write)
        await asyncio.shield(self._flush)

    async def close(self) -> None:
        """Commit what is left, fold the WAL back and let go of the file."""
        if self._pending:
            await self.commit()
        if self._checkpoint is not None:
            await self._checkpoint
        self._pooled.close()
        self._engine.dispose()

    def _write(self) -> None:
        """Commit what is pending and let those go on who wait. Without fsync that takes some 50 microseconds: less
        than handing it to a thread and back.
        """
        flush, self._flush = self._flush, None
        batch, self._pending = self._pending, {}
        if flush is None:
            return
        try:
            self._execute(batch)
        except (sqlite3.Error, TypeError, ValueError) as error:
            # TypeError and ValueError: the document is not JSON. Callers must not wait for ever.
            _log.exception("the sandbox cannot write its data")
            refusal = ApiError(500, -1, f"the sandbox cannot write its data: {error}")
            flush.set_exception(refusal)
            flush.exception()
            self._restore(batch)
        else:
            flush.set_result(None)
            self._commits += 1
            if self._commits % _CHECKPOINT_AFTER == 0 and self._checkpoint is None:
                self._checkpoint = asyncio.ensure_future(self._fold_back())

    def _execute(self, batch: dict[Change, Record | None]) -> None:
        puts: list[tuple[str, str, bytes]] = []
        gone: list[Change] = []
        for (kind, key), record in batch.items():
            if record is None:
                gone.append((kind, key))
            else:
                puts.append((kind, key, record.encode()))
        cursor = self._raw.cursor()
        try:
            if gone:
                cursor.executemany(_DELETE, gone)
            if puts:
                cursor.executemany(_UPSERT, puts)
            self._raw.commit()
        except BaseException:
            self._raw.rollback()
            raise
        finally:
            cursor.close()

    def _restore(self, batch: dict[Change, Record | None]) -> None:
        """Take back in memory what the disk refused: nothing may be seen that a crash would lose."""
        if self._undo is None:
            return
        held = {}
        with self._engine.connect() as connection:
            for kind, key in batch:
                query = select(_RECORDS.c.document).where(_RECORDS.c.kind == kind, _RECORDS.c.key == key)
                held[kind, key] = connection.execute(query).scalar()
        self._undo(held)

    async def _fold_back(self) -> None:
        try:
            await asyncio.to_thread(self._run_checkpoint)
        finally:
            self._checkpoint = None

    def _run_checkpoint(self) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def _open(path: Path) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxStartError(
            f"the data folder {path.parent} cannot be made: {error.strerror}", hint="Choose another with --data."
        ) from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 2})

    @event.listens_for(engine, "connect")
    def configure(connection: Untyped, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}")

    try:
        with engine.begin() as connection:
            _METADATA.create_all(connection)
            _take_write_lock(connection)
            _take_over(connection)
    except DatabaseError as error:
        engine.dispose()
        raise _unusable(path, error) from error
    return engine


def _take_write_lock(connection: Connection) -> None:
    """Fail at start, not at the first message, where the file cannot be written."""
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS probe (x INTEGER)")
    connection.exec_driver_sql("DELETE FROM probe")


def _take_over(connection: Connection) -> None:
    """Move what an earlier version wrote, in its order."""
    if inspect(connection).has_table("documents"):
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO records (kind, key, document) "
            "SELECT kind, key, document FROM documents ORDER BY position"
        )
        connection.exec_driver_sql("DROP TABLE documents")


def _unusable(path: Path, error: DatabaseError) -> SandboxStartError:
    return SandboxStartError(
        f"the data file {path} cannot be used: {error.orig}",
        hint="Give another file with --data, or --data :memory: to keep nothing.",
    )
