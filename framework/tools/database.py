"""A bot's database: a SQLite file in its data folder, or the database that `DATABASE_URL` names."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from framework.errors import FrameworkError
from framework.extras import extra
from framework.values import Untyped

if TYPE_CHECKING:
    from pydantic import SecretStr

FILE = "memory.sqlite"
TABLES = MetaData()
"""The tables of all stores that use a bot's database. Each has a column `bot`, because bots may share a database."""

_CREATING = 0x6D656D6F  # the lock's number; any that nobody else uses

_SWITCH_TRIES, _SWITCH_PAUSE = 100, 0.02  # seconds

T = TypeVar("T")


class Database:
    """Runs work in a transaction, in a thread. It opens at its first use."""

    def __init__(self, folder: Path, url: SecretStr | None = None) -> None:
        """`url`: a Postgres that several processes share; a SQLite file in `folder` without it."""
        self._url = url
        self._file = folder / FILE
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction. Raises FrameworkError if the database cannot be read or written."""
        return await asyncio.to_thread(self._run, work)

    def close(self) -> None:
        """Close the connections. Safe to call twice. The next use opens it again."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._open().begin() as connection:
                return work(connection)
        except (SQLAlchemyError, OSError) as error:
            # A server's own text is left out: it may repeat the address with the password.
            reason = type(error).__name__ if self._url else str(getattr(error, "orig", error)).partition("\n")[0]
            raise FrameworkError(
                f"What the bot remembers cannot be read or kept: {reason}",
                where="DATABASE_URL" if self._url else str(self._file),
                hint="Make the file and its folder writable, or check the database.",
            ) from None

    def _open(self) -> Engine:
        with self._lock:
            if self._engine is None:
                engine = self._make()
                with engine.begin() as connection:
                    _create(connection)
                self._engine = engine
            return self._engine

    def _make(self) -> Engine:
        if self._url is not None:
            address = self._url.get_secret_value().partition("://")[2]
            with extra("postgres", "Postgres"):
                return create_engine(f"postgresql+psycopg://{address}", pool_pre_ping=True)
        self._file.touch(mode=0o600)
        engine = create_engine(f"sqlite:///{self._file}", connect_args={"timeout": 30})
        event.listen(engine, "connect", _set_up)
        return engine


def _create(connection: Connection) -> None:
    """Create the tables that are missing. Other processes may do the same at this moment."""
    if connection.dialect.name == "postgresql":
        # There, IF NOT EXISTS alone is not protection from another one's.
        connection.execute(select(func.pg_advisory_xact_lock(_CREATING)))
    for table in TABLES.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


def _set_up(connection: Untyped, _record: object) -> None:
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")


def _write_ahead(connection: Untyped) -> None:
    """Switch to write-ahead logging. SQLite does not wait if another process does the same at this moment."""
    for _ in range(_SWITCH_TRIES):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(_SWITCH_PAUSE)
    connection.execute("PRAGMA journal_mode=WAL")
