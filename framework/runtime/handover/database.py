"""Handovers in the database that replicas share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from framework.engine.erasure import people_of
from framework.runtime.state.handover import Change, Handover
from framework.runtime.state.handover_book import Count, counted
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from sqlalchemy import MetaData, Table
    from sqlalchemy.engine import Connection


def _tables() -> MetaData:
    from framework.runtime.handover.tables import METADATA

    return METADATA


SCHEMA = Schema("handovers", version=1, tables=_tables)


class DatabaseHandovers:
    """A `HandoverBook` on SQLite or Postgres. Several bots may share it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def of(self, scope: str, channels: Sequence[str]) -> Mapping[str, Handover]:
        """See the port."""
        return await self._storage.read(SCHEMA, lambda connection: _of(connection, scope, channels))

    async def open_ones(self, scope: str) -> Mapping[str, Handover]:
        """See the port."""
        return await self._storage.read(SCHEMA, lambda connection: _open_ones(connection, scope))

    async def change(self, scope: str, channel: str, change: Change) -> Handover | None:
        """See the port."""
        return await self._storage.write(SCHEMA, lambda connection: _change(connection, scope, channel, change))

    async def next_number(self, scope: str, name: str) -> int:
        """See the port."""
        return await self._storage.write(SCHEMA, lambda connection: _next_number(connection, scope, name))

    async def failures(self, scope: str, talk: str, turn: str, *, failed: bool, limit: int) -> int:
        """See the port."""
        before = await self._storage.read(SCHEMA, lambda connection: _count(connection, scope, talk))
        row, count = counted(before, turn, failed=failed, limit=limit)
        if row[1:] != (0, 0) or before is not None:  # most answers follow good ones and are good: nothing to write
            count = await self._storage.write(
                SCHEMA, lambda connection: _failures(connection, (scope, talk), turn, failed=failed, limit=limit)
            )
        return count

    async def forget(self, user: str) -> int:
        """See the port."""
        return await self._storage.write(SCHEMA, lambda connection: _forget(connection, user))

    async def close(self) -> None:
        """See the port."""
        await asyncio.to_thread(self._storage.close)


@lru_cache(maxsize=1)
def _json() -> TypeAdapter[Handover]:
    from pydantic import TypeAdapter

    return TypeAdapter(Handover)


def _read(value: str) -> Handover:
    return _json().validate_json(value)


def _written(state: Handover) -> str:
    return _json().dump_json(state).decode()


def _of(connection: Connection, scope: str, channels: Sequence[str]) -> dict[str, Handover]:
    from sqlalchemy import select

    from framework.runtime.handover.tables import STATES

    query = select(STATES.c.channel, STATES.c.value)
    query = query.where(STATES.c.scope == scope, STATES.c.channel.in_(list(channels)))
    return {channel: _read(value) for channel, value in connection.execute(query)}


def _open_ones(connection: Connection, scope: str) -> dict[str, Handover]:
    from sqlalchemy import select

    from framework.runtime.handover.tables import STATES

    query = select(STATES.c.channel, STATES.c.value)
    # A look at the text spares reading thousands of handovers that are long over.
    query = query.where(STATES.c.scope == scope, STATES.c.value.contains('"state":"open"', autoescape=True))
    found = {channel: _read(value) for channel, value in connection.execute(query)}
    return {channel: state for channel, state in found.items() if state.is_open}


def _change(connection: Connection, scope: str, channel: str, change: Change) -> Handover | None:
    from framework.runtime.handover.tables import STATES

    key = {"scope": scope, "channel": channel}
    found = _locked(connection, STATES, key)
    before = _read(found["value"]) if found is not None else None
    after = change(before)
    if after is not None and after != before:
        _put(connection, STATES, key, {"value": _written(after)}, is_new=found is None)
    return after


def _next_number(connection: Connection, scope: str, name: str) -> int:
    from framework.runtime.handover.tables import NUMBERS

    key = {"scope": scope, "name": name}
    found = _locked(connection, NUMBERS, key)
    number = found["next"] if found is not None else 0
    _put(connection, NUMBERS, key, {"next": number + 1}, is_new=found is None)
    return int(number)


def _count(connection: Connection, scope: str, talk: str) -> Count | None:
    from sqlalchemy import select

    from framework.runtime.handover.tables import FAILURES

    query = select(FAILURES).where(FAILURES.c.scope == scope, FAILURES.c.talk == talk)
    row = connection.execute(query).mappings().first()
    return (row["turn"], row["before"], row["count"]) if row is not None else None


def _failures(connection: Connection, key: tuple[str, str], turn: str, *, failed: bool, limit: int) -> int:
    from framework.runtime.handover.tables import FAILURES

    keys = {"scope": key[0], "talk": key[1]}
    found = _locked(connection, FAILURES, keys)
    before = (found["turn"], found["before"], found["count"]) if found is not None else None
    row, count = counted(before, turn, failed=failed, limit=limit)
    values = {"turn": row[0], "before": row[1], "count": row[2]}
    _put(connection, FAILURES, keys, values, is_new=found is None)
    return count


def _forget(connection: Connection, user: str) -> int:
    from sqlalchemy import select

    from framework.runtime.handover.tables import STATES

    changed = 0
    rows = [(row, _read(row["value"])) for row in connection.execute(select(STATES)).mappings().all()]
    # Of what an earlier version kept, the turn tells who asked, if it is kept in this database.
    asked_by = people_of(connection, [state.turn for _, state in rows if state.reason and not state.asked_by])
    for row, state in rows:
        after = state.without(user)
        # A reason may repeat what was asked. Where nobody knows any more who asked, it goes once the handover is over.
        asker = state.asked_by or asked_by.get(state.turn, user if not state.is_open else "")
        if asker == user:
            after = replace(after, reason="")
        if after != state:
            key = {"scope": row["scope"], "channel": row["channel"]}
            _put(connection, STATES, key, {"value": _written(after)}, is_new=False)
            changed += 1
    return changed


def _locked(connection: Connection, table: Table, key: Mapping[str, str]) -> Mapping[str, Any] | None:
    """A row, which nobody else changes until the transaction ends."""
    from sqlalchemy import select

    query = select(table).where(*(table.c[name] == value for name, value in key.items())).with_for_update()
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def _put(
    connection: Connection, table: Table, key: Mapping[str, str], values: Mapping[str, Any], *, is_new: bool
) -> None:
    """Write a row. Two replicas that insert one at a time clash, and the storage tries the later one again."""
    if is_new:
        connection.execute(table.insert().values(**key, **values))
        return
    connection.execute(table.update().where(*(table.c[name] == value for name, value in key.items())).values(**values))
