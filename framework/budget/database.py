"""Usage in the engine's database, where replicas share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from framework.budget import rows
from framework.budget.usage import BudgetClaim, Refused, Usage
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

    Work = Callable[[Connection], Any]

T = TypeVar("T")
_AT_ONE_TIME = 200
_PRUNED_EVERY = 500  # turns


def _tables() -> MetaData:
    from framework.budget.schema import METADATA

    return METADATA


SCHEMA = Schema("usage", version=1, tables=_tables)


class DatabaseUsageBook:
    """A `UsageBook` on SQLite or Postgres. `url` as `DATABASE_URL`; raises SettingsError where it is not understood.

    Nothing is opened before something is spent or asked. What is asked for while a transaction runs is done in the next
    one together, so that a busy bot does not wait for its own locks.
    """

    def __init__(self, url: str) -> None:
        self._storage = Storage(url)
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._until_prune = 1

    async def reserve(self, claim: BudgetClaim, now: datetime) -> Refused | None:
        """See the port."""
        return await self._do(lambda connection: rows.reserve(connection, claim, now.timestamp()))

    async def settle(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        """See the port."""
        self._until_prune -= 1
        prune = self._until_prune <= 0
        if prune:
            self._until_prune = _PRUNED_EVERY

        def work(connection: Connection) -> bool:
            if prune:
                rows.prune(connection, day)
            return rows.settle(connection, turn, sorted(set(scopes)), day, usage)

        return await self._do(work)

    async def release(self, turn: str, *, spent: bool = False) -> None:
        """See the port."""
        await self._do(lambda connection: rows.release(connection, turn, spent=spent))

    async def take(self, scope: str, key: str, limit: int, window: timedelta, at: datetime) -> float:
        """See the port."""
        seconds, when = window.total_seconds(), at.timestamp()
        return await self._do(lambda connection: rows.take(connection, scope, key, limit, seconds, when))

    async def spent(self, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
        """See the port."""
        return await self._storage.read(SCHEMA, lambda connection: rows.spent(connection, scopes, day))

    async def forget(self, scopes: Sequence[str]) -> int:
        """See the port."""
        return await self._do(lambda connection: rows.forget(connection, scopes))

    async def close(self) -> None:
        """See the port."""
        await asyncio.to_thread(self._storage.close)

    async def _do(self, work: Callable[[Connection], T]) -> T:
        """Have work done in a transaction, with whatever else waits by then."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="usage")
        return await future

    async def _write(self) -> None:
        while self._waiting:
            batch = self._waiting[:_AT_ONE_TIME]
            del self._waiting[:_AT_ONE_TIME]
            works = [work for work, _ in batch]
            try:
                results = await self._storage.write(SCHEMA, partial(_each, works))
            except Exception as error:  # noqa: BLE001 - handed on to whoever waits
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():  # whoever asked was cancelled meanwhile
                    future.set_result(result)


def _each(works: Sequence[Work], connection: Connection) -> list[Any]:
    return [work(connection) for work in works]
