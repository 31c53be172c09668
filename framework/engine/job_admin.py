"""The jobs as people see them: records, load, cancelling, trying again, and how long they are kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.engine import Connection, RowMapping

from framework.engine.journal import Retention
from framework.engine.orders import Token
from framework.engine.owners import Scopes
from framework.engine.port import Load, Record, State
from framework.engine.rows import among, job_of, list_of
from framework.engine.schema import JOBS, RUNNING, SETTLED, STEPS, WAITING

_LAST = "\U0010ffff"


class JobAdmin:
    """Questions and changes of single jobs, inside the caller's transaction."""

    def __init__(self, kind: str, retention: Retention) -> None:
        self._kind = kind
        self._retention = retention

    def holds(self, connection: Connection, key: str) -> bool:
        """Whether the key is known."""
        return connection.execute(select(JOBS.c.key).where(JOBS.c.key == key)).first() is not None

    def load(self, connection: Connection, now: float, scopes: Scopes = None) -> Load:
        """How much there is to do in these scopes."""
        query = (
            select(JOBS.c.state, func.count(), func.min(JOBS.c.accepted))
            .where(JOBS.c.state.in_(["waiting", "running", "dead"]), *self._of(scopes))
            .group_by(JOBS.c.state)
        )
        found = connection.execute(query, self._of_scopes(scopes))
        rows = {state: (count, oldest) for state, count, oldest in found}
        waiting, since = rows.get("waiting", (0, now))
        return Load(
            waiting=waiting,
            running=rows.get("running", (0, now))[0],
            dead=rows.get("dead", (0, now))[0],
            oldest=max(0.0, now - since),
        )

    def records(self, connection: Connection, states: Sequence[State], limit: int) -> list[Record]:
        """Jobs in these states, the latest change first."""
        query = (
            select(JOBS)
            .where(JOBS.c.state.in_(list(states)))
            .order_by(JOBS.c.updated.desc(), JOBS.c.accepted.desc(), JOBS.c.key.desc())
            .limit(limit)
        )
        return self._records(connection, connection.execute(query).mappings().all())

    def record(self, connection: Connection, key: str, shortest: int) -> Record | None:
        """One job by its key, or by the only key that begins so."""
        rows = connection.execute(select(JOBS).where(JOBS.c.key == key)).mappings().all()
        if not rows and len(key) >= shortest:
            begins = select(JOBS).where(JOBS.c.key >= key, JOBS.c.key < key + _LAST).limit(2)
            rows = connection.execute(begins).mappings().all()
        return self._records(connection, rows)[0] if len(rows) == 1 else None

    def waiting(self, connection: Connection, limit: int, scopes: Scopes = None) -> list[Record]:
        """Jobs of these scopes that wait, in the order in which they were accepted."""
        waits = select(JOBS).where(JOBS.c.state == WAITING, *self._of(scopes))
        query = waits.order_by(JOBS.c.accepted, JOBS.c.key).limit(limit)
        return [_record(row, ()) for row in connection.execute(query, self._of_scopes(scopes)).mappings()]

    def retry(self, connection: Connection, key: str, now: float) -> bool:
        """Have a dead job wait once more."""
        again = (
            update(JOBS)
            .where(JOBS.c.key == key, JOBS.c.state == "dead")
            .values(state="waiting", due=now, updated=now, crashes=0, error="", forgiven=JOBS.c.attempt)
        )
        return connection.execute(again).rowcount == 1

    def cancel(self, connection: Connection, key: str, _now: float) -> Token | bool:
        """Forget a waiting job: True. Where it runs, which try that is. False: there is nothing to cancel."""
        row = connection.execute(select(JOBS).where(JOBS.c.key == key).with_for_update()).mappings().first()
        if row is None or row["state"] not in {"waiting", "running"}:
            return False
        if row["state"] == "running":
            return Token(key, row["lane"], row["owner"], row["attempt"])
        self.forget(connection, {key})
        return True

    def forget(self, connection: Connection, keys: Collection[str]) -> None:
        """Delete jobs and their steps."""
        if keys:
            names = {"names": list_of(self._kind, keys)}
            connection.execute(delete(STEPS).where(self._among(STEPS.c.key)), names)
            connection.execute(delete(JOBS).where(self._among(JOBS.c.key)), names)

    def held(self, connection: Connection, token: Token) -> bool:
        """Whether this try still has its job."""
        query = select(JOBS.c.key).where(
            JOBS.c.key == token.key,
            JOBS.c.owner == token.owner,
            JOBS.c.attempt == token.attempt,
            JOBS.c.state == RUNNING,
        )
        return connection.execute(query).first() is not None

    def prune(self, connection: Connection, now: float) -> int:
        """Forget some of what need not be kept any longer. Returns how much was done: 0 when nothing is left."""
        keep, batch = self._retention, self._retention.batch
        old: set[str] = set()
        for state, seconds in (("settled", keep.settled), ("dead", keep.dead)):
            query = select(JOBS.c.key).where(JOBS.c.state == state, JOBS.c.updated < now - seconds).limit(batch)
            old |= set(connection.execute(query.with_for_update(skip_locked=True)).scalars())
        self.forget(connection, old)
        return len(old) + self._trim(connection, now)

    def _trim(self, connection: Connection, now: float) -> int:
        query = (
            select(JOBS.c.key)
            .where(JOBS.c.state == SETTLED, JOBS.c.steps.is_(None))
            .where(JOBS.c.updated < now - self._retention.steps)
            .limit(self._retention.batch)
            .with_for_update(skip_locked=True)
        )
        keys = connection.execute(query).scalars().all()
        if keys:
            names = {"names": list_of(self._kind, keys)}
            steps = self._step_names(connection, keys)
            note = update(JOBS).where(JOBS.c.key == bindparam("of")).values(steps=bindparam("done"))
            connection.execute(note, [{"of": key, "done": json.dumps(steps.get(key, ()))} for key in sorted(keys)])
            connection.execute(delete(STEPS).where(self._among(STEPS.c.key)), names)
        return len(keys)

    def _of_scopes(self, scopes: Scopes) -> dict[str, Any]:
        """The parameter of `_of`: what has no scope is everybody's."""
        return {} if scopes is None else {"scopes": list_of(self._kind, {*scopes, ""})}

    def _of(self, scopes: Scopes) -> list[ColumnElement[bool]]:
        return [] if scopes is None else [self._among(JOBS.c.scope, "scopes")]

    def _among(self, column: ColumnElement[Any], name: str = "names") -> ColumnElement[bool]:
        return among(self._kind, column, name)

    def _records(self, connection: Connection, rows: Sequence[RowMapping]) -> list[Record]:
        if not rows:
            return []
        steps = self._step_names(connection, {row["key"] for row in rows})
        return [_record(row, steps.get(row["key"], ())) for row in rows]

    def _step_names(self, connection: Connection, keys: Collection[str]) -> dict[str, list[str]]:
        query = select(STEPS.c.key, STEPS.c.name).where(self._among(STEPS.c.key)).order_by(STEPS.c.name)
        steps: dict[str, list[str]] = {}
        for key, name in connection.execute(query, {"names": list_of(self._kind, keys)}):
            steps.setdefault(key, []).append(name)
        return steps


def _record(row: RowMapping, steps: Sequence[str]) -> Record:
    return Record(
        job=job_of(row),
        state=row["state"],
        attempts=row["attempt"] - row["forgiven"],
        accepted_at=datetime.fromtimestamp(row["accepted"], UTC),
        updated_at=datetime.fromtimestamp(row["updated"], UTC),
        owner=row["owner"],
        outcome=row["outcome"],
        error=row["error"],
        steps=tuple(steps or json.loads(row["steps"] or "[]")),
    )
