"""The table of replicas: who beats, and giving a dead one's jobs back."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from framework.engine.orders import Sighting
from framework.engine.rows import among, list_of
from framework.engine.schema import JOBS, REPLICAS, RUNNING

if TYPE_CHECKING:
    from framework.engine.owners import Owners


class Replicas:
    """Statements on replicas, inside the caller's transaction."""

    def __init__(self, kind: str, owners: Owners) -> None:
        self._kind = kind
        self._owners = owners
        self._heartbeat = (
            update(REPLICAS)
            .where(REPLICAS.c.id == bindparam("me"))
            .values(beat=REPLICAS.c.beat + 1, seen=bindparam("now"))
        )
        self._all = select(REPLICAS.c.id, REPLICAS.c.name, REPLICAS.c.beat, REPLICAS.c.serves)

    def join(self, connection: Connection, me: str, name: str, serves: str, now: float) -> None:
        """Become known."""
        row = {"id": me, "name": name, "host": socket.gethostname(), "pid": os.getpid(), "beat": 0, "seen": now}
        connection.execute(insert(REPLICAS), {**row, "serves": serves})

    def serve(self, connection: Connection, me: str, serves: str) -> None:
        """Say what we serve from now on."""
        connection.execute(update(REPLICAS).where(REPLICAS.c.id == me).values(serves=serves))

    def heartbeat(self, connection: Connection, me: str, now: float) -> bool:
        """Say that we live. False: somebody has declared us dead."""
        return connection.execute(self._heartbeat, {"me": me, "now": now}).rowcount == 1

    def all(self, connection: Connection) -> list[Sighting]:
        """Everybody who is known, ourselves included."""
        return [Sighting(*row) for row in connection.execute(self._all)]

    def evict(self, connection: Connection, dead: Sighting, now: float) -> list[str] | None:
        """Take a replica out that sent no heartbeat since this sighting, and give back its jobs and partitions.

        Returns the keys of the jobs; None where it did send one.
        """
        gone = delete(REPLICAS).where(REPLICAS.c.id == dead.id, REPLICAS.c.beat == dead.beat)
        if connection.execute(gone).rowcount == 0:
            return None
        self._owners.free(connection, dead.id)
        return self.give_back(connection, {dead.id}, now, crashed=True)

    def leave(self, connection: Connection, me: str, now: float) -> None:
        """Go, with nothing left behind."""
        connection.execute(delete(REPLICAS).where(REPLICAS.c.id == me))
        self._owners.free(connection, me)
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
        theirs = (JOBS.c.state == RUNNING) & self._among(JOBS.c.owner, "owners")
        parameters = {"owners": list_of(self._kind, owners)}
        rows = connection.execute(select(JOBS.c.key, JOBS.c.attempt).where(theirs), parameters).all()
        keys = sorted(row.key for row in rows if (keep or {}).get(row.key) != row.attempt)
        if not keys:
            return []
        back = (
            update(JOBS)
            .where(theirs, self._among(JOBS.c.key, "names"))
            .values(state="waiting", due=now, updated=now, crashes=JOBS.c.crashes + (1 if crashed else 0))
            .returning(JOBS.c.key)
        )
        return list(connection.execute(back, {**parameters, "names": list_of(self._kind, keys)}).scalars())

    def _among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        return among(self._kind, column, name)


def database_time(connection: Connection) -> float:
    """Seconds since 1970 by the server's clock. Postgres alone: SQLite has none but the caller's."""
    clock = func.extract("epoch", func.clock_timestamp())
    return float(connection.execute(select(clock)).scalar_one())
