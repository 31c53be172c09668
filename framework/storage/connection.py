"""A connection to a database: its address, its settings, transactions, and what an error of it means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import parse_qsl, urlsplit

from framework.errors import EngineError, SettingsError
from framework.extras import extra
from framework.private_files import close_file
from framework.values import Untyped

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-16000", "secure_delete=ON")
_OLDEST_SQLITE = (3, 35)
_SCHEMA_LOCK = 0x454E47494E45  # "ENGINE"
# A process that is frozen in a transaction holds locks that all others wait for: the server ends it after 2 s.
_POSTGRES_SETTINGS: dict[str, str | int] = {
    "connect_timeout": 5,
    "application_name": "engine",
    # A link that is cut without a word is noticed by either side within about ten seconds.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
    " -c lock_timeout=3000 -c idle_in_transaction_session_timeout=2000",
}


@dataclass(frozen=True)
class DatabaseAddress:
    """Where the database is. `shown` is for people: without a password."""

    kind: Literal["sqlite", "postgresql"]
    shown: str
    url: str = field(repr=False)
    file: Path | None = None


IN_MEMORY = DatabaseAddress("sqlite", "memory", "sqlite://")
"""A database of this process alone."""


def address(url: str) -> DatabaseAddress:
    """Understand a `DATABASE_URL`. Raises SettingsError, which never repeats it: it may hold a password."""
    wrong = SettingsError(
        "The address of the database is not understood.",
        where="DATABASE_URL",
        hint="Write sqlite:///path/to/engine.sqlite or postgresql://user:password@host:5432/database.",
    )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme == "sqlite":
        name = url.removeprefix("sqlite:///")
        if name == url or not name.strip("/") or name.startswith(":memory:"):
            raise wrong
        file = Path(name)
        return DatabaseAddress("sqlite", f"sqlite:///{file}", f"sqlite:///{file}", file)
    if parts.scheme not in {"postgres", "postgresql", "postgresql+psycopg"} or not parts.path.strip("/"):
        raise wrong
    shown = f"postgresql://{host}{f':{port}' if port else ''}{parts.path}"
    return DatabaseAddress("postgresql", shown, "postgresql+psycopg" + url[len(parts.scheme) :])


def connect(address: DatabaseAddress, *, pooled: bool = False) -> Engine:
    """Return an SQLAlchemy engine whose connections begin and end transactions by `transaction`.

    `pooled`: connections are kept for the next use, and tried before it; otherwise each use opens its own.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool, QueuePool

    pool = QueuePool if pooled else NullPool

    if address.kind == "postgresql":
        with extra("postgres", "Postgres"):
            return create_engine(
                address.url,
                poolclass=pool,
                pool_pre_ping=pooled,
                isolation_level="AUTOCOMMIT",
                hide_parameters=True,
                connect_args=_server_settings(address.url),
            )
    file = cast("Path", address.file)
    _check_sqlite(file)
    engine = create_engine(
        address.url,
        poolclass=pool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"timeout": 1.0, "check_same_thread": False},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def connect_in_memory() -> Engine:
    """An engine like `connect`'s on a new database of this process alone, with one connection."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    arguments = {"check_same_thread": False}
    return create_engine(
        IN_MEMORY.url, poolclass=StaticPool, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args=arguments
    )


def _server_settings(url: str) -> dict[str, str | int]:
    """Ours, but for those that the address itself names."""
    named = dict(parse_qsl(urlsplit(url).query))
    settings = {name: value for name, value in _POSTGRES_SETTINGS.items() if name not in named}
    if "options" in named:
        settings["options"] = f"{_POSTGRES_SETTINGS['options']} {named['options']}"
    if not urlsplit(url).password and "PGPASSWORD" in os.environ:
        settings["password"] = os.environ["PGPASSWORD"]  # hidden from the C library, as children get its environment
    return settings


def _check_sqlite(file: Path) -> None:
    import sqlite3

    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise EngineError(
            f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or later is needed.",
            hint="Use a Python that brings a newer SQLite, or Postgres by DATABASE_URL.",
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"The folder of the database cannot be made: {error.strerror}.",
            where=str(file.parent),
            hint="Name another place by FRAMEWORK_DATA or DATABASE_URL.",
        ) from None
    _keep_private(file)


def _keep_private(file: Path) -> None:
    """Make the file readable to this user alone. The files that SQLite makes beside it get the same rights."""
    try:
        file.touch(mode=0o600)
        close_file(file)
    except OSError:
        return  # A file of somebody else's, or none that can be made: opening it says what is wrong.


def _set_up_sqlite(connection: object, _record: object) -> None:
    """WAL, so that readers never wait. What is deleted is overwritten in the file. A commit outlives kill -9 of the
    process; a power cut may take the last ones.

    `synchronous` FULL would keep those as well, for a sync of the disk in every commit. The chat service is the log of
    record: what a power cut took is found there again.
    """
    import sqlite3

    raw = cast("sqlite3.Connection", connection)
    for pragma in _PRAGMAS:
        raw.execute(f"PRAGMA {pragma}")


def upsert(kind: str) -> Untyped:
    """What makes an INSERT that may meet rows which exist. Only one kind is imported: Postgres' takes 50 ms."""
    if kind == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert
    from sqlalchemy.dialects.sqlite import insert as insert_into_file

    return insert_into_file


@contextmanager
def transaction(connection: Connection, *, write: bool = True) -> Iterator[None]:
    """Everything inside, or nothing. A write of SQLite takes the file at once, so that it cannot fail half-way."""
    lock = write and connection.dialect.name == "sqlite"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if lock else "BEGIN")
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        if not connection.invalidated and not connection.closed:
            _roll_back(connection)
        raise


@contextmanager
def driver_of(connection: Connection) -> Iterator[Untyped]:
    """The driver's own connection, for statements inside a transaction. What it raises is raised as SQLAlchemy does."""
    from sqlalchemy.exc import DBAPIError

    dialect = connection.dialect
    base = dialect.loaded_dbapi.Error
    try:
        yield connection.connection.driver_connection
    except base as error:
        raise DBAPIError.instance(None, None, error, base, hide_parameters=True, dialect=dialect) from error


def _roll_back(connection: Connection) -> None:
    from sqlalchemy.exc import DBAPIError

    try:
        connection.exec_driver_sql("ROLLBACK")
    except DBAPIError:
        connection.invalidate()  # gone, or without a transaction: the error that led here says what happened


def lock_schema(connection: Connection) -> None:
    """Inside a transaction: nobody else prepares tables until it ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")


class ClashError(Exception):
    """Another replica was faster with the same rows: the transaction is tried again."""


class Trouble(Enum):
    """What to do about an error."""

    LOST = "The database cannot be reached"
    BUSY = "The database is locked by another program"
    FULL = "The disk of the database is full"
    CLASH = "Others keep changing the same rows"
    BAD = "The database refused"


_STATES = {
    "40001": Trouble.CLASH,
    "40P01": Trouble.CLASH,
    "23505": Trouble.CLASH,
    "55P03": Trouble.BUSY,
    "53100": Trouble.FULL,
    "53300": Trouble.LOST,
    "25P02": Trouble.LOST,
    "25P03": Trouble.LOST,
    "57014": Trouble.BUSY,
}
_SQLITE_TEXTS = {
    "locked": Trouble.BUSY,
    "busy": Trouble.BUSY,
    "is full": Trouble.FULL,
    "UNIQUE constraint": Trouble.CLASH,
    "disk I/O error": Trouble.LOST,
    "unable to open": Trouble.LOST,
}


def trouble(error: Exception) -> Trouble:
    """What kind of error this is."""
    from sqlalchemy.exc import DBAPIError, OperationalError

    if isinstance(error, ClashError):
        return Trouble.CLASH
    if not isinstance(error, DBAPIError):
        return Trouble.BAD
    state = getattr(error.orig, "sqlstate", None)
    if state in _STATES:
        return _STATES[state]
    for words, kind in _SQLITE_TEXTS.items():
        if words in str(error.orig):
            return kind
    if error.connection_invalidated or (state or "").startswith(("08", "57P")):
        return Trouble.LOST
    if isinstance(error, OperationalError) and hasattr(error.orig, "pgconn") and state is None:
        return Trouble.LOST
    return Trouble.BAD


def failure(error: Exception, address: DatabaseAddress) -> EngineError:
    """The error for people. Neither a statement nor its values appear in it."""
    kind = trouble(error)
    cause = getattr(error, "orig", None) or error
    first = next(iter(str(cause).strip().splitlines()), "")
    detail = f": {first}" if kind in {Trouble.LOST, Trouble.BAD} and first else ""
    hints = {
        Trouble.LOST: "See whether it runs and whether DATABASE_URL is right.",
        Trouble.BUSY: "End the program that holds it.",
        Trouble.FULL: "Free some space; nothing that was accepted is lost.",
        Trouble.CLASH: "Try again.",
        Trouble.BAD: "See whether DATABASE_URL names a database of this program.",
    }
    return EngineError(f"{kind.value}{detail}.", where=address.shown, hint=hints[kind])
