"""Since when schedules are known and up to when their times were looked at: over restarts, for all replicas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection


def _tables() -> MetaData:
    from framework.runtime.state.schedule_tables import METADATA

    return METADATA


SCHEMA = Schema("schedules", version=1, tables=_tables)


@dataclass(frozen=True)
class ScheduleEntry:
    """A schedule of a bot in a channel. All ticks up to `looked_until` are with the engine. Times are in UTC."""

    since: datetime
    looked_until: datetime


class ScheduleBook:
    """The book of one database. Every method raises EngineError if it cannot be used."""

    def __init__(self, storage: Storage, *, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._now = now

    async def entry(self, scope: str, schedule: str, place: str) -> ScheduleEntry:
        """Return what is known of a schedule in a place. One that is new begins now."""
        key, now = (scope, schedule, place), self._now().timestamp()
        known = await self._storage.read(SCHEMA, lambda connection: _known(connection, key))
        if known is None:
            known = await self._storage.write(SCHEMA, lambda connection: _entry(connection, key, now))
        return known

    async def look(self, scope: str, schedule: str, place: str, until: datetime) -> None:
        """Note that all ticks up to a time are with the engine. An earlier time than the known one changes nothing."""
        at = until.timestamp()
        await self._storage.write(SCHEMA, lambda connection: _look(connection, (scope, schedule, place), at))

    async def places(self, scope: str, schedule: str) -> list[str]:
        """Return the channels in which running bots have a schedule."""
        return await self._storage.read(SCHEMA, lambda connection: _places(connection, scope, schedule))


Key = tuple[str, str, str]


def _entry(connection: Connection, key: Key, now: float) -> ScheduleEntry:
    from framework.runtime.state.schedule_tables import SCHEDULES
    from framework.storage.connection import upsert

    scope, schedule, place = key
    values = {"scope": scope, "schedule": schedule, "place": place, "since": now, "looked_until": now}
    connection.execute(upsert(connection.dialect.name)(SCHEDULES).values(**values).on_conflict_do_nothing())
    # Another process may have written it a moment ago.
    return _known(connection, key) or ScheduleEntry(datetime.fromtimestamp(now, UTC), datetime.fromtimestamp(now, UTC))


def _known(connection: Connection, key: Key) -> ScheduleEntry | None:
    from sqlalchemy import select

    from framework.runtime.state.schedule_tables import SCHEDULES

    columns = SCHEDULES.c
    scope, schedule, place = key
    query = select(columns.since, columns.looked_until).where(
        columns.scope == scope, columns.schedule == schedule, columns.place == place
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return ScheduleEntry(datetime.fromtimestamp(row.since, UTC), datetime.fromtimestamp(row.looked_until, UTC))


def _look(connection: Connection, key: Key, until: float) -> None:
    from sqlalchemy import update

    from framework.runtime.state.schedule_tables import SCHEDULES

    columns = SCHEDULES.c
    scope, schedule, place = key
    mine = (columns.scope == scope, columns.schedule == schedule, columns.place == place, columns.looked_until < until)
    connection.execute(update(SCHEDULES).where(*mine).values(looked_until=until))


def _places(connection: Connection, scope: str, schedule: str) -> list[str]:
    from sqlalchemy import select

    from framework.runtime.state.schedule_tables import SCHEDULES

    columns = SCHEDULES.c
    query = select(columns.place).where(columns.scope == scope, columns.schedule == schedule).order_by(columns.place)
    return list(connection.execute(query).scalars())
