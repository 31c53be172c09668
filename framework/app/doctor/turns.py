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
    named = ", ".join(f"{host} (process {pid})" for host, pid in replicas)
    yield ok("replicas", f"{len(replicas)} at work: {named}" if replicas else "none at work")
    yield from _turns(counts, oldest)


def _read(place: DatabaseAddress) -> tuple[list[tuple[str, int]], dict[str, int], float | None]:
    """Host and process of each replica, how many jobs have each state, and since when the oldest one waits."""
    from sqlalchemy import func, select

    from framework.engine.schema import JOBS, REPLICAS
    from framework.storage.connection import connect, transaction

    database = connect(place)
    try:
        with database.connect() as connection, transaction(connection, write=False):
            replicas = connection.execute(select(REPLICAS.c.host, REPLICAS.c.pid)).all()
            counts = connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state)).all()
            oldest = connection.execute(select(func.min(JOBS.c.due)).where(JOBS.c.state == "waiting")).scalar()
    finally:
        database.dispose()
    return [(str(host), int(pid)) for host, pid in replicas], dict(counts), oldest


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
