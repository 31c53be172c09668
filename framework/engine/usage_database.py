"""Usage in the engine's database, where replicas share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

from framework.engine.usage import Usage
from framework.storage.connection import Trouble, address, connect, failure, lock_schema, transaction, trouble

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

T = TypeVar("T")
_KEPT = timedelta(days=35)
_TRIES = 20
_WAIT = 0.05


class DatabaseUsageBook:
    """A `UsageBook` on SQLite or Postgres. `url` as `DATABASE_URL`; raises SettingsError where it is not understood.

    Nothing is opened before something is spent or asked.
    """

    def __init__(self, url: str) -> None:
        self._address = address(url)
        self._engine: Engine | None = None
        self._prepared = asyncio.Lock()
        self._is_prepared = False

    async def spend(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        """See the port."""
        return await self._do(lambda connection: _spend(connection, turn, sorted(set(scopes)), day, usage), write=True)

    async def spent(self, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
        """See the port."""
        return await self._do(lambda connection: _spent(connection, scopes, day), write=False)

    async def close(self) -> None:
        """See the port."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    async def _do(self, work: Callable[[Connection], T], *, write: bool) -> T:
        async with self._prepared:
            if self._engine is None:
                self._engine = await asyncio.to_thread(connect, self._address)
            if not self._is_prepared:
                await self._patiently(self._engine, _prepare, write=True)
                self._is_prepared = True
        return await self._patiently(self._engine, work, write=write)

    async def _patiently(self, engine: Engine, work: Callable[[Connection], T], *, write: bool) -> T:
        """In a thread and a transaction; again where others were in the way. Raises EngineError."""
        from sqlalchemy.exc import SQLAlchemyError

        for attempt in range(1, _TRIES + 1):
            try:
                return await asyncio.to_thread(_once, engine, work, write)
            except SQLAlchemyError as error:
                if attempt == _TRIES or trouble(error) not in {Trouble.CLASH, Trouble.BUSY}:
                    raise failure(error, self._address) from None
                await asyncio.sleep(_WAIT * attempt)
        raise AssertionError("the last try returns or raises")


def _once(engine: Engine, work: Callable[[Connection], T], write: bool) -> T:
    with engine.connect() as connection, transaction(connection, write=write):
        return work(connection)


def _prepare(connection: Connection) -> None:
    from framework.engine.usage_schema import METADATA

    lock_schema(connection)
    METADATA.create_all(connection)


def _spend(connection: Connection, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
    from sqlalchemy import delete

    from framework.engine.store import upsert
    from framework.engine.usage_schema import COUNTED, SUMS

    insert = upsert(connection.dialect.name)
    new = insert(COUNTED).values(turn=turn, day=day.isoformat()).on_conflict_do_nothing().returning(COUNTED.c.turn)
    if connection.execute(new).first() is None:
        return False
    for scope in scopes:  # sorted, so that two transactions never wait for each other
        row = insert(SUMS).values(
            scope=scope, day=day.isoformat(), tokens=usage.tokens, money=usage.money, turns=usage.turns
        )
        added = {name: SUMS.c[name] + row.excluded[name] for name in ("tokens", "money", "turns")}
        connection.execute(row.on_conflict_do_update(index_elements=["scope", "day"], set_=added))
    old = (day - _KEPT).isoformat()
    connection.execute(delete(COUNTED).where(COUNTED.c.day < old))
    connection.execute(delete(SUMS).where(SUMS.c.day < old))
    return True


def _spent(connection: Connection, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
    from sqlalchemy import select

    from framework.engine.usage_schema import SUMS

    query = select(SUMS).where(SUMS.c.day == day.isoformat(), SUMS.c.scope.in_(list(scopes)))
    found = {
        row["scope"]: Usage(row["tokens"], row["money"], row["turns"]) for row in connection.execute(query).mappings()
    }
    return {scope: found.get(scope, Usage()) for scope in scopes}
