"""The audit log: who executed what, on whose behalf, with which arguments, and what came of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from pathlib import Path

    from framework.catalog.principal import Principal

Outcome = Literal["started", "done", "failed", "refused", "invalid", "waits for approval"]

LONGEST = 4_000
T = TypeVar("T")
V = TypeVar("V")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    caller TEXT,
    channel TEXT,
    acts_as TEXT,
    operation TEXT NOT NULL,
    arguments TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '',
    milliseconds REAL
)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was asked for. `acts_as` is the user in whose name, or `app`; `detail` says why, or what came."""

    at: str
    who: str
    caller: str | None
    channel: str | None
    acts_as: str | None
    operation: str
    arguments: str
    outcome: Outcome
    detail: str = ""
    milliseconds: float | None = None


class Audit(Protocol):
    """Where entries go. An entry that cannot be written is an error: then nothing is executed."""

    async def begin(self, entry: Entry) -> int:
        """Write an entry and return its number."""

    async def end(self, number: int, outcome: Outcome, detail: str, milliseconds: float) -> None:
        """Complete an entry that was `started`."""

    async def close(self) -> None:
        """Close what is open. Safe to call twice."""


class AuditFile:
    """The log in a SQLite file, shared by every process of a data folder."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    async def begin(self, entry: Entry) -> int:
        """Write an entry and return its number. Raises FrameworkError where the file cannot be written."""
        return await asyncio.to_thread(self._write, _insert, entry)

    async def end(self, number: int, outcome: Outcome, detail: str, milliseconds: float) -> None:
        """Complete an entry that was `started`. Raises FrameworkError where the file cannot be written."""
        await asyncio.to_thread(self._write, _complete, (number, outcome, detail[:LONGEST], milliseconds))

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest entries, oldest first. Raises FrameworkError where the file cannot be read."""
        return self._write(_newest, count)

    async def close(self) -> None:
        """Close the file. Safe to call twice; it is opened again when it is needed."""
        with self._lock:
            self._close()

    def _write(self, work: Callable[[sqlite3.Connection, V], T], value: V) -> T:
        try:
            with self._lock:
                database = self._open()
                with database:
                    return work(database, value)
        except (sqlite3.Error, OSError) as error:
            raise FrameworkError(
                f"The audit log cannot be written, so that nothing is executed: {error}",
                where=str(self.file),
                hint="Make the file and its folder writable, or set FRAMEWORK_DATA to another folder.",
            ) from None

    def _open(self) -> sqlite3.Connection:
        if self._database is not None and not self.file.exists():
            self._close()  # Somebody removed it: what is written into a removed file is lost.
        if self._database is None:
            self._database = sqlite3.connect(self.file, timeout=5, check_same_thread=False)
            self.file.chmod(0o600)
            self._database.execute("PRAGMA journal_mode=WAL")
            # Survives the end of this process, however sudden; only a power cut may take the last lines.
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(_SCHEMA)
        return self._database

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


def new_entry(
    who: Principal,
    operation: str,
    arguments: object,
    *,
    at: datetime,
    redact: Callable[[str], str],
    acts_as: str | None = None,
    outcome: Outcome = "started",
    detail: str = "",
) -> Entry:
    """An entry with secrets struck out of what it holds."""
    shown = json.dumps(hidden(arguments), ensure_ascii=False, default=str)
    return Entry(
        at=at.isoformat(timespec="milliseconds"),
        who=who.name,
        caller=who.caller,
        channel=who.channel,
        acts_as=acts_as,
        operation=redact(operation[:200]),
        arguments=redact(shown)[:LONGEST],
        outcome=outcome,
        detail=redact(detail)[:LONGEST],
    )


_SECRET_NAMES = ("secret", "password", "token", "auth_key", "credential", "private_key", "api_key", "p12_cert")


def hidden(value: object) -> object:
    """The value without what stands under a name that secrets have."""
    if isinstance(value, dict):
        return {key: "[secret]" if _is_secret(str(key), item) else hidden(item) for key, item in value.items()}
    return [hidden(item) for item in value] if isinstance(value, list) else value


def _is_secret(name: str, value: object) -> bool:
    return isinstance(value, str) and bool(value) and any(part in name.lower() for part in _SECRET_NAMES)


def _insert(database: sqlite3.Connection, entry: Entry) -> int:
    names = entry.__slots__
    marks = ", ".join("?" * len(names))
    values = [getattr(entry, name) for name in names]
    cursor = database.execute(f"INSERT INTO audit ({', '.join(names)}) VALUES ({marks})", values)  # noqa: S608 - our own
    return cursor.lastrowid or 0


def _complete(database: sqlite3.Connection, values: tuple[int, str, str, float]) -> None:
    number, outcome, detail, milliseconds = values
    database.execute(
        "UPDATE audit SET outcome = ?, detail = ?, milliseconds = ? WHERE id = ?",
        (outcome, detail, round(milliseconds, 1), number),
    )


def _newest(database: sqlite3.Connection, count: int) -> list[dict[str, Any]]:
    database.row_factory = sqlite3.Row
    rows = database.execute("SELECT * FROM audit ORDER BY id DESC LIMIT ?", (count,)).fetchall()
    return [dict(row) for row in reversed(rows)]
