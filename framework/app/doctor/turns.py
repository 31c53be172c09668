"""The engine: its database, the replicas that live, turns that wait or were given up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from framework.app.doctor.finding import HealthFinding, doubtful, ok, wrong
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.settings import Settings
    from framework.storage.connection import DatabaseAddress

TOO_OLD = 60.0
"""Seconds after which a turn that waits is too old."""
SILENT, MOST_SKEW = 60.0, 10.0
"""Seconds without a heartbeat, and seconds by which clocks of replicas may differ."""


async def turn_findings(settings: Settings) -> list[HealthFinding]:
    """Look at the engine. Changes nothing, and makes no database."""
    from framework.storage.connection import address

    part = "database"
    try:
        place = address(settings.database.get_secret_value())
        if place.file is not None and not place.file.exists():
            return [ok(part, f"{place.shown} is made at the first start")]
        return await asyncio.to_thread(lambda: list(_look(settings)))
    except FrameworkError as error:
        return [wrong(part, error.what, error.hint or "Look at DATABASE_URL.")]


def _look(settings: Settings) -> Iterator[HealthFinding]:
    from sqlalchemy.exc import SQLAlchemyError

    from framework.storage.connection import address, failure

    place = address(settings.database.get_secret_value())
    try:
        replicas, counts, oldest = _read(place)
    except SQLAlchemyError as error:
        raise failure(error, place) from None
    yield ok("database", f"{place.shown} answers")
    yield _replicas(replicas)
    yield from _turns(counts, oldest)


def _replicas(replicas: list[tuple[str, int, float]]) -> HealthFinding:
    """Replicas by the time of their last heartbeat, which each writes by its own clock."""
    import time

    now = time.time()
    ages = [(f"{host} (process {pid})", now - seen) for host, pid, seen in replicas]
    ahead = [f"{name} by {-age:.0f} s" for name, age in ages if age < -MOST_SKEW]
    if ahead:
        hint = "Set the clocks of both machines by NTP: `timedatectl set-ntp true`."
        return wrong("replicas", f"clocks are ahead of this machine's: {', '.join(ahead)}", hint)
    silent = [f"{name} for {age:.0f} s" for name, age in ages if age > SILENT]
    if silent:
        hint = "Look whether it runs, and at its clock. If it is dead, any replica that runs takes over its turns."
        return doubtful("replicas", f"no heartbeat came: {', '.join(silent)}", hint)
    named = ", ".join(f"{name}, heartbeat {max(0.0, age):.0f} s ago" for name, age in ages)
    return ok("replicas", f"{len(ages)} at work: {named}" if ages else "none at work")


def _read(place: DatabaseAddress) -> tuple[list[tuple[str, int, float]], dict[str, int], float | None]:
    """Host, process and last heartbeat of each replica, how many jobs have each state, and when the oldest was due."""
    from sqlalchemy import func, select

    from framework.app.doctor.stores import check_stores
    from framework.engine.schema import JOBS, REPLICAS, check_version
    from framework.storage.connection import connect, transaction

    database = connect(place)
    try:
        with database.connect() as connection, transaction(connection, write=False):
            check_version(connection)
            check_stores(connection)
            replicas = connection.execute(select(REPLICAS.c.host, REPLICAS.c.pid, REPLICAS.c.seen)).all()
            counts = connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state)).all()
            oldest = connection.execute(select(func.min(JOBS.c.due)).where(JOBS.c.state == "waiting")).scalar()
    finally:
        database.dispose()
    return [(str(host), int(pid), float(seen)) for host, pid, seen in replicas], dict(counts), oldest


def _turns(counts: dict[str, int], oldest: float | None) -> Iterator[HealthFinding]:
    import time

    dead, waiting = counts.get("dead", 0), counts.get("waiting", 0)
    if dead:
        yield doubtful("dead letters", f"{dead} turns were given up", "See `turns list`, then `turns retry` or drop.")
    else:
        yield ok("dead letters", "none")
    age = 0.0 if oldest is None else time.time() - oldest
    if age > TOO_OLD:
        hint = "Start a replica, or look at what the turns wait for (`turns list`)."
        yield wrong("backlog", f"{waiting} turns wait, the oldest for {age:.0f} s", hint)
    else:
        yield ok("backlog", f"{waiting} turns wait")
