"""The table of replicas: who beats, and giving a dead one's jobs back."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from framework.engine.schema import JOBS, REPLICAS, RUNNING
from framework.engine.store import Store


@dataclass(frozen=True)
class Sighting:
    """A replica as its row says. `beat` goes up while it lives."""

    id: str
    name: str
    beat: int


class Replicas:
    """Statements on replicas, inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heartbeat = (
            update(REPLICAS)
            .where(REPLICAS.c.id == bindparam("me"))
            .values(beat=REPLICAS.c.beat + 1, seen=bindparam("now"))
        )
        self._all = select(REPLICAS.c.id, REPLICAS.c.name, REPLICAS.c.beat)

    def join(self, connection: Connection, me: str, name: str, now: float) -> None:
        """Become known."""
        row = {"id": me, "name": name, "host": socket.gethostname(), "pid": os.getpid(), "beat": 0, "seen": now}
        connection.execute(insert(REPLICAS), row)

    def heartbeat(self, connection: Connection, me: str, now: float) -> bool:
        """Say that we live. False: somebody has declared us dead."""
        return connection.execute(self._heartbeat, {"me": me, "now": now}).rowcount == 1

    def all(self, connection: Connection) -> list[Sighting]:
        """Everybody who is known, ourselves included."""
        return [Sighting(*row) for row in connection.execute(self._all)]

    def evict(self, connection: Connection, dead: Sighting, now: float) -> list[str] | None:
        """Take a replica that did not beat since this sighting out, and give its jobs back. None: it did beat."""
        gone = delete(REPLICAS).where(REPLICAS.c.id == dead.id, REPLICAS.c.beat == dead.beat)
        if connection.execute(gone).rowcount == 0:
            return None
        return self.give_back(connection, {dead.id}, now, crashed=True)

    def leave(self, connection: Connection, me: str, now: float) -> None:
        """Go, with nothing left behind."""
        connection.execute(delete(REPLICAS).where(REPLICAS.c.id == me))
        self.give_back(connection, {me}, now, crashed=False)

    def orphans(self, connection: Connection) -> set[str]:
        """Owners of running jobs that no row stands for."""
        known = select(REPLICAS.c.id)
        found = select(JOBS.c.owner).distinct().where(JOBS.c.state == RUNNING, JOBS.c.owner.not_in(known))
        return set(connection.execute(found).scalars())

    def give_back(
        self,
        connection: Connection,
        owners: Collection[str],
        now: float,
        *,
        crashed: bool,
        keep: Mapping[str, int] | None = None,
    ) -> list[str]:
        """Have the running jobs of these owners wait again, but for the attempts to keep. Returns their keys."""
        among = self._store.among
        theirs = (JOBS.c.state == RUNNING) & among(JOBS.c.owner, "owners")
        parameters = {"owners": self._store.list_of(owners)}
        rows = connection.execute(select(JOBS.c.key, JOBS.c.lane, JOBS.c.attempt).where(theirs), parameters).all()
        rows = [row for row in rows if (keep or {}).get(row.key) != row.attempt]
        if not rows:
            return []
        lanes = {row.lane for row in rows}
        self._store.lock(connection, lanes)
        back = (
            update(JOBS)
            .where(theirs, among(JOBS.c.key))
            .values(
                state="waiting",
                due=bindparam("now"),
                updated=bindparam("now"),
                crashes=JOBS.c.crashes + (1 if crashed else 0),
            )
            .returning(JOBS.c.key)
        )
        names = {**parameters, "names": self._store.list_of({row.key for row in rows}), "now": now}
        keys = connection.execute(back, names).scalars().all()
        self._store.refresh(connection, lanes, now)
        self._store.put_first(connection, lanes)
        return list(keys)


def database_time(connection: Connection) -> float:
    """Seconds since 1970 by the server's clock. Postgres alone: SQLite has none but the caller's."""
    clock = func.extract("epoch", func.clock_timestamp())
    return float(connection.execute(select(clock)).scalar_one())
