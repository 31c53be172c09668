"""The journal's statements for a SQLite file: a prepared statement for each row, as there is no network to save."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from framework.engine.orders import Saving, Token
from framework.engine.statements import APPENDED, Change

_MINE = "key = ? AND owner = ? AND attempt = ? AND state = 'running'"
_APPEND = (
    f"INSERT INTO engine_jobs ({APPENDED}, forgiven, crashes, updated, outcome, error)"  # noqa: S608 - our own words
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, 0, ?10, '', '') ON CONFLICT (key) DO NOTHING"
)
_START = (
    "UPDATE engine_jobs SET state = 'running', owner = ?2, attempt = attempt + 1, updated = ?3"
    " WHERE key = ?1 AND state = 'waiting' RETURNING attempt"
)
_SAVE = (
    f"INSERT INTO engine_steps (key, name, value) SELECT ?, ?, ? WHERE EXISTS"  # noqa: S608
    f" (SELECT 1 FROM engine_jobs WHERE {_MINE}) ON CONFLICT (key, name) DO UPDATE SET value = excluded.value"
)
_SETTLE = (
    "UPDATE engine_jobs SET state = ?, due = ?, outcome = ?, error = ?, updated = ?, payload = coalesce(?, payload)"  # noqa: S608
    f" WHERE {_MINE}"
)


class SqliteDriver:
    """See `Driver`."""

    def is_alive(self, raw: sqlite3.Connection, me: str) -> bool:
        """See `Driver.is_alive`."""
        return raw.execute("SELECT 1 FROM engine_replicas WHERE id = ?", (me,)).fetchone() is not None

    def append(self, raw: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> set[str]:
        """See `Driver.append`."""
        return {row[0] for row in rows if raw.execute(_APPEND, row).rowcount == 1}

    def start(self, raw: sqlite3.Connection, keys: Sequence[str], me: str, now: float) -> dict[str, int]:
        """See `Driver.start`."""
        started = {key: raw.execute(_START, (key, me, now)).fetchone() for key in keys}
        return {key: row[0] for key, row in started.items() if row is not None}

    def save(self, raw: sqlite3.Connection, steps: Sequence[Saving]) -> set[Token]:
        """See `Driver.save`."""
        held = set()
        for step in steps:
            token = step.token
            values = (token.key, step.step, step.value, token.key, token.owner, token.attempt)
            if raw.execute(_SAVE, values).rowcount == 1:
                held.add(token)
        return held

    def settle(self, raw: sqlite3.Connection, changes: Sequence[Change], now: float) -> set[Token]:
        """See `Driver.settle`."""
        held = set()
        for change in changes:
            token = change.token
            values = (change.state, change.due, change.outcome, change.error, now, change.payload)
            if raw.execute(_SETTLE, (*values, token.key, token.owner, token.attempt)).rowcount == 1:
                held.add(token)
        return held

    def discard(self, raw: sqlite3.Connection, tokens: Sequence[Token]) -> set[Token]:
        """See `Driver.discard`."""
        held = set()
        for token in tokens:
            values = (token.key, token.owner, token.attempt)
            if raw.execute(f"DELETE FROM engine_jobs WHERE {_MINE}", values).rowcount == 1:  # noqa: S608
                raw.execute("DELETE FROM engine_steps WHERE key = ?", (token.key,))
                held.add(token)
        return held

    def found(self, raw: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[str, int, str]]:
        """See `Driver.found`."""
        query = "SELECT owner, attempt, state FROM engine_jobs WHERE key = ?"
        rows = {key: raw.execute(query, (key,)).fetchone() for key in keys}
        return {key: (row[0], row[1], row[2]) for key, row in rows.items() if row is not None}
