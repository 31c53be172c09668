"""The history of turns in the engine's database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from framework.insight.history import TurnLine, Wanted
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import Executable, MetaData
    from sqlalchemy.engine import Connection

REPEATED = "already_answered"
"""The label of a turn that ran again after its answer: what its first line says is worth more."""


def _tables() -> MetaData:
    from framework.insight.history_tables import METADATA

    return METADATA


SCHEMA = Schema("turn_history", version=1, tables=_tables)


class DatabaseHistory:
    """A `TurnHistory` on SQLite or Postgres."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, lines: Sequence[TurnLine]) -> None:
        """See `TurnHistory.add`."""
        await self._storage.write(SCHEMA, lambda connection: _add(connection, lines))

    async def read(self, wanted: Wanted) -> list[TurnLine]:
        """See `TurnHistory.read`."""
        return await self._storage.read(SCHEMA, lambda connection: _read(connection, wanted))

    async def forget(self, user: str) -> int:
        """See `TurnHistory.forget`."""
        return await self._storage.write(SCHEMA, lambda connection: _forget(connection, user))

    async def prune(self, before: datetime) -> int:
        """See `TurnHistory.prune`."""
        return await self._storage.write(SCHEMA, lambda connection: _prune(connection, before))

    async def close(self) -> None:
        """See `TurnHistory.close`."""
        await asyncio.to_thread(self._storage.close)


def text_of_time(moment: datetime) -> str:
    """Return a time as the table has it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _row(line: TurnLine) -> dict[str, Any]:
    packed = {"sources": orjson.dumps(line.sources).decode(), "tools": orjson.dumps(line.tools).decode()}
    return {**vars(line), **packed, "received_at": text_of_time(line.received_at)}


def line_of_row(row: Any) -> TurnLine:  # noqa: ANN401 - a mapping of SQLAlchemy's
    """Return the line that a row holds."""
    values = dict(row)
    values["sources"] = tuple((str(file), str(heading)) for file, heading in orjson.loads(values["sources"]))
    values["tools"] = tuple((str(name), bool(ok)) for name, ok in orjson.loads(values["tools"]))
    values["received_at"] = datetime.fromisoformat(values["received_at"])
    return TurnLine(**values)


def _add(connection: Connection, lines: Sequence[TurnLine]) -> None:
    newest = {line.key: line for line in lines}
    connection.execute(_insert(connection.dialect.name), [_row(line) for line in newest.values()])


@cache
def _insert(database: str) -> Executable:
    """The statement for this database, made once: every turn pays for it otherwise."""
    from framework.insight.history_tables import TURNS
    from framework.storage.connection import upsert

    row = upsert(database)(TURNS)
    changed = {column.name: row.excluded[column.name] for column in TURNS.columns if column.name != "key"}
    made: Executable = row.on_conflict_do_update(
        index_elements=["key"], set_=changed, where=row.excluded.label != REPEATED
    )
    return made


def _read(connection: Connection, wanted: Wanted) -> list[TurnLine]:
    from sqlalchemy import select

    from framework.insight.history_tables import TURNS

    query = select(TURNS)
    for name in ("bot", "channel", "message", "outcome"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(TURNS.c[name] == value)
    if wanted.since is not None:
        query = query.where(TURNS.c.received_at >= text_of_time(wanted.since))
    if wanted.until is not None:
        query = query.where(TURNS.c.received_at < text_of_time(wanted.until))
    query = query.order_by(TURNS.c.received_at.desc(), TURNS.c.key)
    if wanted.newest is not None:
        query = query.limit(wanted.newest)
    rows = connection.execute(query).mappings().all()
    return [line_of_row(row) for row in reversed(rows)]


def _forget(connection: Connection, user: str) -> int:
    from sqlalchemy import delete

    from framework.insight.history_tables import TURNS

    return connection.execute(delete(TURNS).where(TURNS.c.user == user)).rowcount


def _prune(connection: Connection, before: datetime) -> int:
    from sqlalchemy import delete

    from framework.insight.history_tables import TURNS

    return connection.execute(delete(TURNS).where(TURNS.c.received_at < text_of_time(before))).rowcount
