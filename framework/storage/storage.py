"""Work in a database: in a transaction, on a thread, again where others were in the way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from framework.storage.connection import (
    IN_MEMORY,
    DatabaseAddress,
    Trouble,
    address,
    connect,
    connect_in_memory,
    failure,
    transaction,
    trouble,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from framework.storage.schema import Schema

T = TypeVar("T")
_TRIES = 20
_WAIT = 0.05  # seconds, times the number of the try


class Storage:
    """A database that stores of one process share. Safe to use from several threads and event loops.

    Nothing is opened before the first use. Every method that works in the database raises EngineError if it cannot be
    reached, is full, or was written by a newer version; neither a statement nor a value is repeated in the error.
    """

    def __init__(self, url: str) -> None:
        """`url`: as `DATABASE_URL`. Raises SettingsError if it is not understood."""
        self.address: DatabaseAddress = IN_MEMORY if url == IN_MEMORY.url else address(url)
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._prepared: set[str] = set()

    @classmethod
    def in_memory(cls) -> Storage:
        """A database that ends with this process. Its work is done at once, without a thread."""
        return cls(IN_MEMORY.url)

    async def write(self, schema: Schema, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction that may write, and return its result.

        `work` may be run again where another process changed the same rows: it must touch nothing but the database.
        On SQLite no other transaction writes meanwhile. On Postgres others may: let a unique key, or the number of
        rows that an UPDATE with a condition changed, decide who was first.
        """
        if self._is_in_memory:
            return self.write_now(schema, work)
        return await asyncio.to_thread(self.write_now, schema, work)

    async def read(self, schema: Schema, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction that only reads, and return its result."""
        if self._is_in_memory:
            return self.read_now(schema, work)
        return await asyncio.to_thread(self.read_now, schema, work)

    def write_now(self, schema: Schema, work: Callable[[Connection], T]) -> T:
        """As `write`, for commands: blocks the calling thread."""
        return self._do(schema, work, write=True)

    def read_now(self, schema: Schema, work: Callable[[Connection], T]) -> T:
        """As `read`, for commands: blocks the calling thread."""
        return self._do(schema, work, write=False)

    async def flush(self) -> bool:
        """Empty the file that SQLite writes ahead to, which holds what was deleted since. True where nothing is left
        there; False where others read or write just now. Other databases do this by themselves.
        """
        if self._is_in_memory or self.address.kind != "sqlite":
            return True
        return await asyncio.to_thread(self._flush)

    def _flush(self) -> bool:
        from sqlalchemy.exc import OperationalError

        with self._lock:
            if self._engine is None:
                self._engine = connect(self.address, pooled=True)
            engine = self._engine
        for attempt in range(1, _TRIES + 1):
            try:
                with engine.connect() as connection:
                    busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
            except OperationalError as error:
                if trouble(error) is not Trouble.BUSY:
                    raise failure(error, self.address) from None
                busy = 1
            if not busy:
                return True
            time.sleep(_WAIT * attempt)
        return False

    def close(self) -> None:
        """Let go of the connections. Safe to call twice; the next use opens them again."""
        if self._is_in_memory:
            return
        with self._lock:
            engine, self._engine = self._engine, None
            self._prepared.clear()
        if engine is not None:
            engine.dispose()

    @property
    def _is_in_memory(self) -> bool:
        return self.address is IN_MEMORY

    def _do(self, schema: Schema, work: Callable[[Connection], T], *, write: bool) -> T:
        return self._patiently(self._ready(schema), work, write=write)

    def _ready(self, schema: Schema) -> Engine:
        """The engine, with the schema's tables in the database."""
        with self._lock:
            if self._engine is None:
                self._engine = connect_in_memory() if self._is_in_memory else connect(self.address, pooled=True)
            if schema.name not in self._prepared:
                self._patiently(self._engine, schema.prepare, write=True)
                self._prepared.add(schema.name)
            return self._engine

    def _patiently(self, engine: Engine, work: Callable[[Connection], T], *, write: bool) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        for attempt in range(1, _TRIES + 1):
            try:
                with engine.connect() as connection, transaction(connection, write=write):
                    return work(connection)
            except SQLAlchemyError as error:
                if attempt == _TRIES or trouble(error) not in {Trouble.CLASH, Trouble.BUSY}:
                    raise failure(error, self.address) from None
                time.sleep(_WAIT * attempt)
        raise AssertionError("the last try returns or raises")
