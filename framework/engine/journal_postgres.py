"""The journal's statements for a Postgres server: one for each kind of order, with lists, however many orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString

from framework.engine.orders import Saving, Token
from framework.engine.statements import Change

if TYPE_CHECKING:
    from psycopg import Connection

_ALIVE = "SELECT 1 FROM engine_replicas WHERE id = %s"
_APPEND = """
INSERT INTO engine_jobs (key, lane, "order", payload, delay, state, due, attempt, owner, accepted, scope, partition,
    forgiven, crashes, updated, outcome, error)
SELECT u.*, 0, 0, u.accepted, '', '' FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::float8[],
    %s::text[], %s::float8[], %s::int[], %s::text[], %s::float8[], %s::text[], %s::int[])
    AS u(key, lane, "order", payload, delay, state, due, attempt, owner, accepted, scope, partition)
ORDER BY u.key ON CONFLICT (key) DO NOTHING RETURNING key
"""
_START = """
UPDATE engine_jobs SET state = 'running', owner = %s, attempt = attempt + 1, updated = %s
WHERE key = ANY(%s) AND state = 'waiting' RETURNING key, attempt
"""
_SAVE = """
WITH held AS MATERIALIZED (
    SELECT u.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
        AS u(key, name, value, owner, attempt)
    JOIN engine_jobs j ON j.key = u.key AND j.owner = u.owner AND j.attempt = u.attempt AND j.state = 'running'
    FOR SHARE OF j
), kept AS (
    INSERT INTO engine_steps (key, name, value) SELECT key, name, value FROM held
    ON CONFLICT (key, name) DO UPDATE SET value = excluded.value
)
SELECT key, owner, attempt FROM held
"""
_SETTLE = """
UPDATE engine_jobs j SET state = u.state, due = u.due, outcome = u.outcome, error = u.error, updated = %s,
    payload = coalesce(u.payload, j.payload)
FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::float8[], %s::text[], %s::text[], %s::text[])
    AS u(key, owner, attempt, state, due, outcome, error, payload)
WHERE j.key = u.key AND j.owner = u.owner AND j.attempt = u.attempt AND j.state = 'running'
RETURNING j.key, j.owner, j.attempt
"""
_DISCARD = """
DELETE FROM engine_jobs j USING unnest(%s::text[], %s::text[], %s::int[]) AS u(key, owner, attempt)
WHERE j.key = u.key AND j.owner = u.owner AND j.attempt = u.attempt AND j.state = 'running'
RETURNING j.key, j.owner, j.attempt
"""
_FORGET_STEPS = "DELETE FROM engine_steps WHERE key = ANY(%s)"
_FOUND = "SELECT key, owner, attempt, state FROM engine_jobs WHERE key = ANY(%s)"


class PostgresDriver:
    """See `Driver`."""

    def is_alive(self, raw: Connection[Any], me: str) -> bool:
        """See `Driver.is_alive`."""
        return bool(_rows(raw, _ALIVE, [me]))

    def append(self, raw: Connection[Any], rows: Sequence[tuple[Any, ...]]) -> set[str]:
        """See `Driver.append`."""
        return {row[0] for row in _rows(raw, _APPEND, _columns(rows))}

    def start(self, raw: Connection[Any], keys: Sequence[str], me: str, now: float) -> dict[str, int]:
        """See `Driver.start`."""
        return {row[0]: row[1] for row in _rows(raw, _START, [me, now, sorted(keys)])}

    def save(self, raw: Connection[Any], steps: Sequence[Saving]) -> set[Token]:
        """See `Driver.save`."""
        tokens = {(one.token.key, one.token.owner, one.token.attempt): one.token for one in steps}
        rows = [(one.token.key, one.step, one.value, one.token.owner, one.token.attempt) for one in steps]
        return {tokens[row] for row in _rows(raw, _SAVE, _columns(rows))}

    def settle(self, raw: Connection[Any], changes: Sequence[Change], now: float) -> set[Token]:
        """See `Driver.settle`."""
        tokens = {(one.token.key, one.token.owner, one.token.attempt): one.token for one in changes}
        rows = [(*ids, one.state, one.due, one.outcome, one.error, one.payload)
                for ids, one in zip(tokens, changes, strict=True)]  # fmt: skip
        return {tokens[row] for row in _rows(raw, _SETTLE, [now, *_columns(rows)])}

    def discard(self, raw: Connection[Any], tokens: Sequence[Token]) -> set[Token]:
        """See `Driver.discard`."""
        named = {(one.key, one.owner, one.attempt): one for one in tokens}
        held = {named[row] for row in _rows(raw, _DISCARD, _columns(list(named)))}
        raw.execute(_FORGET_STEPS, [[token.key for token in held]], prepare=True)
        return held

    def found(self, raw: Connection[Any], keys: Sequence[str]) -> dict[str, tuple[str, int, str]]:
        """See `Driver.found`."""
        return {row[0]: (row[1], row[2], row[3]) for row in _rows(raw, _FOUND, [list(keys)])}


def _rows(raw: Connection[Any], statement: LiteralString, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return raw.execute(statement, values, prepare=True).fetchall()


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
