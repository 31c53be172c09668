"""The journal on a SQLite file in WAL mode: changes of many calls share one commit, made on a thread of its own.

A commit survives the death of the process (kill -9). `synchronous` is NORMAL: only a power cut may take the last
commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, create_engine, delete, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from framework.sandbox.errors import ApiError, SandboxStartError
from framework.sandbox.store.record import Record

_METADATA = MetaData()
_DOCUMENTS = Table(
    "documents",
    _METADATA,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_INSERT = insert(_DOCUMENTS)
_UPSERT = _INSERT.on_conflict_do_update(index_elements=["kind", "key"], set_={"document": _INSERT.excluded.document})

Change = tuple[str, str]


class SqliteJournal:
    """Writes documents to a SQLite file. Raises SandboxStartError when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _open(path)
        self._connection = self._engine.connect()
        self._position = self._last_position()
        self._pending: dict[Change, Record | None] = {}
        self._waiting: asyncio.Future[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "sandbox-writer")

    def load(self, table: str) -> Iterable[bytes]:
        """The documents of a kind, oldest first."""
        query = select(_DOCUMENTS.c.document).where(_DOCUMENTS.c.kind == table).order_by(_DOCUMENTS.c.position)
        with self._engine.connect() as connection:
            try:
                return [row[0] for row in connection.execute(query)]
            except DatabaseError as error:
                raise _unusable(self._path, error) from error

    def note(self, table: str, key: str, record: Record | None) -> None:
        """Remember a change for the next commit; the last change of a key wins."""
        self._pending[table, key] = record

    async def commit(self) -> None:
        """Wait for the commit that holds every change noted so far. Raises ApiError 500 when the disk refuses it."""
        if not self._pending and self._writing is None:
            return
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        waiting = self._waiting
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_batches())
        await asyncio.shield(waiting)

    async def close(self) -> None:
        """Commit what is left, fold the WAL back and let go of the file."""
        if self._writing is not None:
            await self._writing
        if self._pending:
            await self.commit()
        self._thread.shutdown(wait=True)
        self._connection.close()
        self._engine.dispose()

    async def _write_batches(self) -> None:
        """Commit batch after batch until nobody waits: while one is written, the next one gathers."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                batch, self._pending = self._pending, {}
                puts, gone = self._encode(batch)
                try:
                    await loop.run_in_executor(self._thread, self._write, puts, gone)
                except SQLAlchemyError as error:
                    # What failed stays pending beneath what came since, so that the next commit tries it again.
                    self._pending = {**batch, **self._pending}
                    waiting.set_exception(ApiError(500, -1, f"the sandbox cannot write its data: {error.args[0]}"))
                    waiting.exception()
                else:
                    waiting.set_result(None)
        finally:
            self._writing = None

    def _encode(self, batch: dict[Change, Record | None]) -> tuple[list[dict[str, Any]], list[Change]]:
        puts: list[dict[str, Any]] = []
        gone: list[Change] = []
        for (kind, key), record in batch.items():
            if record is None:
                gone.append((kind, key))
                continue
            self._position += 1
            puts.append({"kind": kind, "key": key, "position": self._position, "document": record.encode()})
        return puts, gone

    def _write(self, puts: list[dict[str, Any]], gone: list[Change]) -> None:
        with self._connection.begin():
            for kind, key in gone:
                self._connection.execute(delete(_DOCUMENTS).where(_DOCUMENTS.c.kind == kind, _DOCUMENTS.c.key == key))
            if puts:
                self._connection.execute(_UPSERT, puts)

    def _last_position(self) -> int:
        query = select(_DOCUMENTS.c.position).order_by(_DOCUMENTS.c.position.desc()).limit(1)
        with self._connection.begin():
            return int(self._connection.execute(query).scalar() or 0)


def _open(path: Path) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxStartError(
            f"the data folder {path.parent} cannot be made: {error.strerror}", hint="Choose another with --data."
        ) from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 5})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=4000"):
            connection.execute(f"PRAGMA {pragma}")

    try:
        with engine.begin() as connection:
            _METADATA.create_all(connection)
            _take_write_lock(connection)
    except DatabaseError as error:
        engine.dispose()
        raise _unusable(path, error) from error
    return engine


def _take_write_lock(connection: Connection) -> None:
    """Fail at start, not at the first message, where the file cannot be written."""
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS probe (x INTEGER)")
    connection.exec_driver_sql("DELETE FROM probe")


def _unusable(path: Path, error: DatabaseError) -> SandboxStartError:
    return SandboxStartError(
        f"the data file {path} cannot be used: {error.orig}",
        hint="Give another file with --data, or --data :memory: to keep nothing.",
    )
