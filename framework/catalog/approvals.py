"""A person's word on one call: asked for at once where a person is there, or kept until somebody gives it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from pathlib import Path

    from framework.catalog.principal import Principal

LIFETIME = timedelta(hours=1)

T = TypeVar("T")
V = TypeVar("V")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS approvals (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    operation TEXT NOT NULL,
    arguments TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    decided_by TEXT
)
"""


class ApprovalNeededError(FrameworkError):
    """A person has to approve this very call first."""


@dataclass(frozen=True, slots=True)
class Question:
    """One call that waits for a person. `arguments` are for people to read, without secrets."""

    fingerprint: str
    who: str
    operation: str
    arguments: str

    def __str__(self) -> str:
        return f"{self.who} wants to execute {self.operation} with {self.arguments}"


Ask = Callable[[Question], Awaitable[bool | None]]
"""Asks the person who is there: yes, no, or None where nobody can be asked."""


def question_of(who: Principal, operation: str, arguments: dict[str, Any], acts_as: str, shown: str) -> Question:
    """A question about exactly this call: by this principal, here, as this user, with these arguments."""
    exact = json.dumps([who.name, who.channel, operation, arguments, acts_as], sort_keys=True, default=str)
    return Question(hashlib.sha256(exact.encode()).hexdigest(), who.name, operation, shown)


class Approvals:
    """Questions and answers, in the file of the audit log. An answer counts for one call, within an hour."""

    def __init__(self, file: Path, *, now: Callable[[], datetime]) -> None:
        self.file = file
        self._now = now

    async def require(self, question: Question, ask: Ask | None) -> str:
        """Return who approved. Raises ApprovalNeededError where nobody has (yet), or somebody said no."""
        taken = await asyncio.to_thread(self._with, self._take, question)
        if taken is not None:
            return taken
        answer = await ask(question) if ask else None
        if answer:
            return "the person at the client"
        if answer is False:
            raise ApprovalNeededError(f"{question.operation} was not executed: the person said no.")
        name = await asyncio.to_thread(self._with, self._put, question)
        raise ApprovalNeededError(
            f"{question.operation} was not executed: it waits for a person's approval, number {name}.",
            hint=f"A person runs `python -m framework ops approve {name}`; then make exactly the same call again.",
        )

    def waiting(self) -> list[dict[str, Any]]:
        """The questions that wait, oldest first."""
        return self._with(_waiting, self._oldest())

    def decide(self, name: str, *, approve: bool, by: str) -> dict[str, Any]:
        """Answer a question. Raises FrameworkError where none of that number waits."""
        found: dict[str, Any] | None = self._with(
            _decide, (name, "approved" if approve else "denied", by, self._oldest())
        )
        if found is None:
            raise FrameworkError(f"No call waits under the number {name!r}.", hint="`ops approvals` lists them.")
        return found

    def _oldest(self) -> str:
        return (self._now() - LIFETIME).isoformat(timespec="milliseconds")

    def _take(self, database: sqlite3.Connection, question: Question) -> str | None:
        rows = database.execute(
            "UPDATE approvals SET state = 'used' WHERE id = (SELECT id FROM approvals WHERE fingerprint = ? AND"
            " state = 'approved' AND at >= ? LIMIT 1) RETURNING decided_by",
            (question.fingerprint, self._oldest()),
        ).fetchall()
        return str(rows[0]["decided_by"]) if rows else None

    def _put(self, database: sqlite3.Connection, question: Question) -> str:
        row = database.execute(
            "SELECT id FROM approvals WHERE fingerprint = ? AND state = 'waiting' AND at >= ?",
            (question.fingerprint, self._oldest()),
        ).fetchone()
        if row is not None:
            return str(row["id"])
        name, at = secrets.token_hex(3), self._now().isoformat(timespec="milliseconds")
        database.execute(
            "INSERT INTO approvals (id, fingerprint, at, who, operation, arguments) VALUES (?, ?, ?, ?, ?, ?)",
            (name, question.fingerprint, at, question.who, question.operation, question.arguments),
        )
        return name

    def _with(self, work: Callable[[sqlite3.Connection, V], T], value: V) -> T:
        try:
            with closing(sqlite3.connect(self.file, timeout=5)) as database, database:
                database.row_factory = sqlite3.Row
                database.execute(_SCHEMA)
                return work(database, value)
        except (sqlite3.Error, OSError) as error:
            raise FrameworkError(
                f"Approvals cannot be read or kept: {error}",
                where=str(self.file),
                hint="Make the file and its folder writable, or set FRAMEWORK_DATA to another folder.",
            ) from None


def _waiting(database: sqlite3.Connection, oldest: str) -> list[dict[str, Any]]:
    rows = database.execute("SELECT * FROM approvals WHERE state = 'waiting' AND at >= ? ORDER BY at", (oldest,))
    return [{key: row[key] for key in ("id", "at", "who", "operation", "arguments")} for row in rows]


def _decide(database: sqlite3.Connection, values: tuple[str, str, str, str]) -> dict[str, Any] | None:
    name, state, by, oldest = values
    row = database.execute(
        "UPDATE approvals SET state = ?, decided_by = ? WHERE id = ? AND state = 'waiting' AND at >= ?"
        " RETURNING id, who, operation, arguments, state",
        (state, by, name, oldest),
    ).fetchone()
    return dict(row) if row else None
