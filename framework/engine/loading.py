"""From the database into the lanes: what waits in partitions that were claimed, and what others left there since."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_

from framework.engine.orders import Kept, News, Partition, Rank
from framework.engine.rows import among, job_of, list_of
from framework.engine.schema import JOBS, STEPS, WAITING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, RowMapping

MOST = 20_000
"""Jobs of one scope that are loaded at once: what waits behind them is loaded when there is room."""

_SLACK = 5.0
"""Seconds by which a change may be seen later than it says: transactions last, and clocks differ a little."""


def load(
    connection: Connection, partitions: Collection[Partition], now: float, *, after: Rank | None = None
) -> list[News]:
    """What waits in partitions, by their scopes, in order; of that of a higher rank than `after`, if it is given."""
    found = []
    for scope in sorted({partition.scope for partition in partitions}):
        ours = [partition for partition in partitions if partition.scope == scope]
        query = select(JOBS).where(
            JOBS.c.state == WAITING, JOBS.c.scope == scope, JOBS.c.partition.in_([number for _, number in ours])
        )
        if after is not None:
            query = query.where(tuple_(JOBS.c.order, JOBS.c.key) > tuple_(*after))
        rows = connection.execute(query.order_by(JOBS.c.order, JOBS.c.key).limit(MOST)).mappings().all()
        bound = (rows[-1]["order"], rows[-1]["key"]) if len(rows) == MOST else None
        found.append(News(ours, _kept(connection, rows, now), bound))
    return found


def named(connection: Connection, keys: Collection[str], now: float) -> Sequence[Kept]:
    """Those of these jobs that wait."""
    kind = connection.dialect.name
    query = select(JOBS).where(among(kind, JOBS.c.key, "names"), JOBS.c.state == WAITING)
    return _kept(connection, connection.execute(query, {"names": list_of(kind, keys)}).mappings().all(), now)


def waiting(connection: Connection, owned: Collection[Partition]) -> list[str]:
    """The keys of what waits in owned partitions: none where that is more than is kept in memory."""
    query = select(JOBS.c.key, JOBS.c.scope, JOBS.c.partition).where(JOBS.c.state == WAITING).limit(MOST)
    rows = connection.execute(query).all()
    return [key for key, scope, number in rows if Partition(scope, number) in owned] if len(rows) < MOST else []


class Lookout:
    """Finds what others left in our partitions, at each look what changed since the one before."""

    def __init__(self) -> None:
        self._since = -math.inf
        self._seen: dict[str, float] = {}

    def news(self, connection: Connection, owned: Collection[Partition], now: float) -> News:
        """What waits in owned partitions and changed since the last look, in any order."""
        columns = (JOBS.c.key, JOBS.c.scope, JOBS.c.partition, JOBS.c.updated)
        query = select(*columns).where(JOBS.c.state == WAITING, JOBS.c.updated > self._since - _SLACK)
        rows = connection.execute(query.order_by(JOBS.c.updated).limit(MOST)).all()
        changed = {row.key: row.updated for row in rows if Partition(row.scope, row.partition) in owned}
        fresh = [key for key, updated in changed.items() if self._seen.get(key) != updated]
        self._since, self._seen = (rows[-1].updated if len(rows) == MOST else now), changed
        return News(owned, named(connection, fresh, now) if fresh else ())


def _kept(connection: Connection, rows: Sequence[RowMapping], now: float) -> list[Kept]:
    tried = [row["key"] for row in rows if row["attempt"] > 0]
    steps: dict[str, dict[str, str]] = {}
    if tried:
        kind = connection.dialect.name
        query = select(STEPS).where(among(kind, STEPS.c.key, "names"))
        for step in connection.execute(query, {"names": list_of(kind, tried)}):
            steps.setdefault(step.key, {})[step.name] = step.value
    return [
        Kept(
            job_of(row), row["attempt"], row["forgiven"], row["crashes"], max(0.0, row["due"] - now),
            steps.get(row["key"], {}),
        )
        for row in rows
    ]  # fmt: skip
