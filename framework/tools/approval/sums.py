"""Sums of arguments per person and period, over all replicas, for conditions such as `args.amount per day > 100`."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from framework.storage import Schema, Storage
from framework.values import Untyped

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

    from framework.definition.expressions.approval_conditions import Sum

_KEPT = timedelta(days=8)


def _tables() -> MetaData:
    from framework.tools.approval.sums_table import METADATA

    return METADATA


SCHEMA = Schema("tool_amounts", 1, _tables)


@dataclass(frozen=True)
class Amount:
    """What one call adds to a sum: zero or more."""

    sum: Sum
    value: float


@dataclass(frozen=True)
class Payer:
    """Whose sums: a bot, its tool, and the person for whom it is called."""

    bot: str
    tool: str
    user_id: str


class SumBook:
    """The amounts of calls that ran or are about to run. Raises EngineError if the database cannot be used."""

    def __init__(self, storage: Storage, *, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._now = now

    async def reserve(
        self, payer: Payer, key: str, amounts: Sequence[Amount], asks: Callable[[Mapping[str, float]], bool]
    ) -> str | None:
        """Count a call that is about to run, and return the key to release it by; None if a person has to be asked.

        `asks` is told the sums with this call in them. Two calls at once cannot both pass below a bound that their sum
        is above. The same `key` is counted once.
        """
        key = key or secrets.token_hex(16)
        return key if await self._write(lambda c: self._reserve(c, payer, key, amounts, asks)) else None

    async def count(self, payer: Payer, key: str, amounts: Sequence[Amount]) -> None:
        """Count a call that a person approved, whatever the sum is."""
        if amounts:
            await self._write(lambda c: self._reserve(c, payer, key, amounts, lambda _: False))

    async def release(self, key: str) -> None:
        """Forget a call that failed."""
        await self._write(lambda connection: _release(connection, key))

    async def erase(self, user_id: str) -> int:
        """Forget all amounts of a person. Return how many there were."""
        return int(await self._write(lambda connection: _erase(connection, user_id)))

    async def _write(self, work: Callable[[Connection], Untyped]) -> Untyped:
        return await self._storage.write(SCHEMA, work)

    def _reserve(
        self,
        connection: Connection,
        payer: Payer,
        key: str,
        amounts: Sequence[Amount],
        asks: Callable[[Mapping[str, float]], bool],
    ) -> bool:
        from sqlalchemy import delete, insert, select

        from framework.tools.approval.sums_table import AMOUNTS

        _alone(connection, payer)
        now = self._now().timestamp()
        connection.execute(delete(AMOUNTS).where(AMOUNTS.c.at < now - _KEPT.total_seconds()))
        if connection.execute(select(AMOUNTS.c.key).where(AMOUNTS.c.key == key)).first() is not None:
            return True  # an earlier try at the same call
        sums = {one.sum.name: _spent(connection, payer, one.sum, now) + one.value for one in amounts}
        if asks(sums):
            return False
        rows = [
            {
                "key": key,
                "name": one.sum.name,
                "bot": payer.bot,
                "tool": payer.tool,
                "user_id": payer.user_id,
                "at": now,
            }
            | {"amount": one.value if math.isfinite(one.value) else 0.0}
            for one in amounts
        ]
        connection.execute(insert(AMOUNTS), rows)
        return True


def _alone(connection: Connection, payer: Payer) -> None:
    """Keep others from counting calls for this person until the transaction ends. On SQLite, nobody else writes."""
    from sqlalchemy import func, select

    if connection.dialect.name == "postgresql":
        who = f"{payer.bot}\n{payer.tool}\n{payer.user_id}"
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("tool_amounts"), func.hashtext(who))))


def _spent(connection: Connection, payer: Payer, one: Sum, now: float) -> float:
    from sqlalchemy import func, select

    from framework.tools.approval.sums_table import AMOUNTS

    table = AMOUNTS.c
    mine = (table.bot == payer.bot) & (table.tool == payer.tool) & (table.user_id == payer.user_id)
    recent = mine & (table.name == one.name) & (table.at > now - one.length.total_seconds())
    return float(connection.execute(select(func.coalesce(func.sum(table.amount), 0.0)).where(recent)).scalar_one())


def _release(connection: Connection, key: str) -> None:
    from sqlalchemy import delete

    from framework.tools.approval.sums_table import AMOUNTS

    connection.execute(delete(AMOUNTS).where(AMOUNTS.c.key == key))


def _erase(connection: Connection, user_id: str) -> int:
    from sqlalchemy import delete

    from framework.tools.approval.sums_table import AMOUNTS

    return connection.execute(delete(AMOUNTS).where(AMOUNTS.c.user_id == user_id)).rowcount
