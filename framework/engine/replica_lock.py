"""A replica's name, held by a lock that ends with its process, and how it hears of the others.

On SQLite the lock is a file beside the database, and a look at the file's version tells that another process wrote. On
Postgres one connection holds an advisory lock and listens.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import structlog

from framework.engine.locks import FileLock
from framework.engine.orders import Sighting
from framework.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_log = structlog.get_logger(__name__)

CHANNEL = "engine_wake"
_LOCK_CLASS = 0x454E47  # "ENG"
_POLL = 0.25
_PATIENCE = 60  # polls
_NOTE_KEPT = 60.0  # seconds: everybody who lives has read it by then
_HELD = """
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :class
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class ReplicaLock(Protocol):
    """The part of a replica's liveness that depends on the database. `name`: the lock's name."""

    @property
    def name(self) -> str:
        """See above."""

    def take(self, name: str) -> bool:
        """Hold this name. False: another process has it."""

    def missing(self, connection: Connection, others: Sequence[Sighting]) -> tuple[set[str], set[str]]:
        """Ids of those certainly gone, and of those whose lock is gone."""

    def changed(self, connection: Connection) -> bool:
        """Whether others wrote since the last call. Never blocks."""

    def wake(self, connection: Connection) -> None:
        """Inside a transaction: tell others, once it is committed, that there is something to start."""

    def broadcast(self, connection: Connection, text: str, now: float) -> None:
        """Inside a transaction: say something to all others, with its commit: 7,000 characters of ASCII at most."""

    def listen(self, heard: Callable[[], None], lost: Callable[[], None], told: Callable[[str], None]) -> None:
        """Begin to call `heard` for a wake-up, `lost` when the lock was, and `told` with what others said; from any
        thread.
        """

    def release(self) -> None:
        """Let go of everything. Safe to call twice."""


class FileReplicaLock:
    """Beside a SQLite file."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock: FileLock | None = None
        self.name = ""
        self._version: int | None = None
        self._told: Callable[[str], None] | None = None
        self._read = -1  # the last note that was seen

    def take(self, name: str) -> bool:
        """See `ReplicaLock.take`."""
        lock = FileLock(self._database, name)
        if not lock.take():
            return False
        self._lock, self.name = lock, name
        return True

    def missing(self, connection: Connection, others: Sequence[Sighting]) -> tuple[set[str], set[str]]:
        """See `ReplicaLock.missing`. Whoever holds no lock has ended: the system says so."""
        gone = {
            other.id
            for other in others
            if other.name == self.name or not FileLock(self._database, other.name).is_held()
        }
        return gone, set()

    def changed(self, connection: Connection) -> bool:
        """See `ReplicaLock.changed`."""
        version = connection.exec_driver_sql("PRAGMA data_version").scalar()
        before, self._version = self._version, version
        if version != before:
            self._read_notes(connection)
        return version != before

    def _read_notes(self, connection: Connection) -> None:
        from sqlalchemy import func, select

        from framework.engine.schema import NOTES

        if self._read < 0:  # what was said before we came is not for us
            self._read = connection.execute(select(func.max(NOTES.c.id))).scalar() or 0
            return
        new = select(NOTES.c.id, NOTES.c.sender, NOTES.c.text).where(NOTES.c.id > self._read).order_by(NOTES.c.id)
        for number, sender, text in connection.execute(new):
            self._read = number
            if sender != self.name and self._told is not None:
                self._told(text)

    def broadcast(self, connection: Connection, text: str, now: float) -> None:
        """See `ReplicaLock.broadcast`."""
        from sqlalchemy import delete, insert

        from framework.engine.schema import NOTES

        connection.execute(delete(NOTES).where(NOTES.c.at < now - _NOTE_KEPT))
        connection.execute(insert(NOTES), {"at": now, "sender": self.name, "text": text})

    def wake(self, connection: Connection) -> None:
        """See `ReplicaLock.wake`: to have written is enough."""

    def listen(self, heard: Callable[[], None], lost: Callable[[], None], told: Callable[[str], None]) -> None:
        """See `ReplicaLock.listen`: others look at the version of the file, and so do we."""
        self._told = told

    def release(self) -> None:
        """See `ReplicaLock.release`."""
        if self._lock is not None:
            self._lock.release()


class ServerReplicaLock:
    """A session of a Postgres server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

        self.name = ""
        self._session: Connection | None = None
        self._thread: threading.Thread | None = None
        self._bell, self._button = socket.socketpair()
        self._closing = False
        self._refused = 0
        self._heard: Callable[[], None] = _nothing
        self._lost: Callable[[], None] = _nothing
        self._told: Callable[[str], None] = _nobody

    def take(self, name: str) -> bool:
        """See `ReplicaLock.take`."""
        session = self._engine.connect()
        if not session.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK_CLASS}, {_number(name)})").scalar():
            session.close()
            return False
        session.exec_driver_sql(f"LISTEN {CHANNEL}")
        self._session, self.name = session, name
        return True

    def missing(self, connection: Connection, others: Sequence[Sighting]) -> tuple[set[str], set[str]]:
        """See `ReplicaLock.missing`. A lock may also be gone because a link is cut: that alone proves nothing."""
        from sqlalchemy import text

        held = set(connection.execute(text(_HELD), {"class": _LOCK_CLASS}).scalars())
        namesakes = {other.id for other in others if other.name == self.name and self._session is not None}
        return namesakes, {other.id for other in others if _number(other.name) not in held}

    def changed(self, connection: Connection) -> bool:
        """See `ReplicaLock.changed`."""
        return False

    def wake(self, connection: Connection) -> None:
        """See `ReplicaLock.wake`."""
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")

    def broadcast(self, connection: Connection, text: str, now: float) -> None:
        """See `ReplicaLock.broadcast`."""
        from sqlalchemy import func, select

        connection.execute(select(func.pg_notify(CHANNEL, f"{self.name} {text}")))

    def listen(self, heard: Callable[[], None], lost: Callable[[], None], told: Callable[[str], None]) -> None:
        """See `ReplicaLock.listen`."""
        self._heard, self._lost, self._told = heard, lost, told
        self._thread = threading.Thread(target=self._attend, name="engine listener", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """See `ReplicaLock.release`."""
        if self._closing:
            return
        self._closing = True
        self._button.send(b".")
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        if self._session is not None:
            _close(self._session)
            self._session = None
        self._bell.close()
        self._button.close()

    def _attend(self) -> None:
        from sqlalchemy.exc import DBAPIError

        while not self._closing:
            if self._session is not None and not self._hear(self._session):
                _close(self._session)
                self._session = None
                self._lost()
            if self._session is None and not self._closing:
                try:
                    self._come_back()
                except DBAPIError:
                    self._pause()  # the worker says that the database is away

    def _hear(self, session: Connection) -> bool:
        """Wait until something is said. False: the session is lost."""
        import psycopg

        raw: Any = session.connection.driver_connection
        try:
            if not self._wait_for(raw.fileno()):
                return True
            raw.pgconn.consume_input()
            said = []
            while (notice := raw.pgconn.notifies()) is not None:
                said.append(notice.extra.decode())
        except (psycopg.Error, OSError, ValueError):
            return False
        if "" in said:
            self._heard()
        for sender, _, text in (words.partition(" ") for words in said if words):
            if sender != self.name:
                self._told(text)
        return True

    def _come_back(self) -> None:
        """Take the name once more. The server may still hold our former session; or somebody else came first."""
        if self.take(self.name):
            self._refused = 0
            self._heard()  # whatever was said meanwhile
            return
        self._refused += 1
        if self._refused > _PATIENCE:
            former, self.name = self.name, f"{self.name}-{uuid4().hex[:4]}"
            _log.warning("engine.name_taken", replica=former, renamed=self.name)
        self._pause()

    def _wait_for(self, link: int) -> bool:
        """Whether the link has something to say. False: the bell rang."""
        with selectors.DefaultSelector() as waiting:  # `select` alone knows no descriptor beyond 1,023
            waiting.register(self._bell, selectors.EVENT_READ)
            waiting.register(link, selectors.EVENT_READ)
            return all(key.fileobj is not self._bell for key, _ in waiting.select())

    def _pause(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._bell, selectors.EVENT_READ)
            waiting.select(_POLL)


def replica_lock(kind: str, engine: Engine, file: Path | None) -> ReplicaLock:
    """The one for this database."""
    return FileReplicaLock(file) if file is not None and kind == "sqlite" else ServerReplicaLock(engine)


def take_name(lock: ReplicaLock, name: str, where: str, *, until: float, now: Callable[[], float]) -> None:
    """Take a name, which a server or whoever looks whether we live may hold for a while. Blocks.

    `where` is for people. Raises EngineError if another process has the name at `until`.
    """
    while not lock.take(name):
        if now() >= until:
            raise EngineError(
                f"Another process runs as the replica {name!r}.",
                where=where,
                hint="Give each process a name of its own, or none: then it chooses one.",
            )
        time.sleep(0.1)  # opening happens on a thread, before there is anything else to do


def _number(name: str) -> int:
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def _nothing() -> None:
    """Nobody listens yet."""


def _nobody(_text: str) -> None:
    """Nobody listens yet."""


def _close(session: Connection) -> None:
    session.invalidate()
    session.close()
