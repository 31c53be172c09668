"""Where a bot keeps what it is told and asked: a SQLite file in its data folder, or the database it is given."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from framework.errors import FrameworkError

FILE = "memory.sqlite"
TABLES = MetaData()
"""The tables of all stores that use a bot's database. Each one has a column `bot`: a database may serve several."""

T = TypeVar("T")


class Database:
    """Runs work in a transaction, in a thread. Opens itself when first used."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self._url = url or f"sqlite:///{folder / FILE}"
        self._file = None if url else folder / FILE
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction. Raises FrameworkError where the database cannot be read or written."""
        return await asyncio.to_thread(self._run, work)

    def close(self) -> None:
        """Let go of the connections. Safe to call twice; the next use opens it again."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._open().begin() as connection:
                return work(connection)
        except (SQLAlchemyError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
            raise FrameworkError(
                f"What the bot remembers cannot be read or kept: {reason}",
                where=str(self._file) if self._file else "DATABASE_URL",
                hint="Make the file and its folder writable, or check the database.",
            ) from None

    def _open(self) -> Engine:
        with self._lock:
            if self._engine is None:
                if self._file is None:
                    engine = create_engine(self._url, pool_pre_ping=True)
                else:
                    self._file.touch(mode=0o600)
                    engine = create_engine(self._url, connect_args={"timeout": 30})
                    event.listen(engine, "connect", _set_up)
                TABLES.create_all(engine)
                self._engine = engine
            return self._engine


def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
