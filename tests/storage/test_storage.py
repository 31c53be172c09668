"""The one way to a database: transactions, several processes' worth of storages at once, upgrades and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, insert, select, text, update

from framework.errors import EngineError, SettingsError
from framework.storage import Schema, Storage
from tests.support.postgres import Postgres

_METADATA = MetaData()
_NOTES = Table("notes", _METADATA, Column("id", Integer, primary_key=True), Column("text", Text, nullable=False))
_SCHEMA = Schema("notes", version=1, tables=lambda: _METADATA)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kept' / 'engine.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


@pytest.fixture
def storages(url: str) -> Iterator[list[Storage]]:
    """As many as replicas."""
    made = [Storage(url) for _ in range(4)]
    yield made
    for storage in made:
        storage.close()


def _put(number: int, said: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(insert(_NOTES).values(id=number, text=said))


def _all(connection: Connection) -> list[tuple[int, str]]:
    return [(row.id, row.text) for row in connection.execute(select(_NOTES).order_by(_NOTES.c.id))]


async def test_what_one_replica_writes_the_others_read(storages: list[Storage]) -> None:
    await asyncio.gather(*(storage.write(_SCHEMA, _put(n, f"from {n}")) for n, storage in enumerate(storages)))
    expected = [(n, f"from {n}") for n in range(len(storages))]
    assert [await storage.read(_SCHEMA, _all) for storage in storages] == [expected] * len(storages)


async def test_a_transaction_that_fails_leaves_nothing(storages: list[Storage]) -> None:
    def half(connection: Connection) -> None:
        _put(1, "half")(connection)
        raise LookupError("the rest is missing")

    with pytest.raises(LookupError):
        await storages[0].write(_SCHEMA, half)
    assert await storages[0].read(_SCHEMA, _all) == []


async def test_a_condition_lets_exactly_one_of_many_through(storages: list[Storage]) -> None:
    await storages[0].write(_SCHEMA, _put(1, "waiting"))

    def claim(connection: Connection) -> bool:
        waits = (_NOTES.c.id == 1) & (_NOTES.c.text == "waiting")
        return connection.execute(update(_NOTES).where(waits).values(text="taken")).rowcount == 1

    claims = [storage.write(_SCHEMA, claim) for storage in storages for _ in range(5)]
    assert sorted(await asyncio.gather(*claims)) == [False] * 19 + [True]


async def test_tables_of_an_older_version_are_upgraded_and_keep_their_rows(storages: list[Storage]) -> None:
    await storages[0].write(_SCHEMA, _put(1, "old"))
    newer = MetaData()
    Table("notes", newer, *(Column(column.name, column.type) for column in _NOTES.columns), Column("by", Text))
    step = 'ALTER TABLE notes ADD COLUMN "by" TEXT'
    second = Schema("notes", 2, lambda: newer, {2: lambda connection: _run(connection, step)})
    rows = await storages[1].read(second, lambda c: c.execute(text('SELECT text, "by" FROM notes')).all())
    assert [tuple(row) for row in rows] == [("old", None)]
    await storages[2].read(second, lambda c: c.execute(text('SELECT "by" FROM notes')).all())  # upgraded once only

    with pytest.raises(EngineError, match="newer version"):
        await storages[3].read(_SCHEMA, _all)


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


async def test_a_closed_storage_opens_again(storages: list[Storage]) -> None:
    await storages[0].write(_SCHEMA, _put(1, "kept"))
    storages[0].close()
    storages[0].close()
    assert await storages[0].read(_SCHEMA, _all) == [(1, "kept")]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "engine.db"
    file.touch(mode=0o644)
    storage = Storage(f"sqlite:///{file}")
    storage.write_now(_SCHEMA, _put(1, "private"))
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {
        path.name: 0 for path in tmp_path.iterdir()
    }
    storage.close()


async def test_a_database_that_is_away_is_said_without_its_password() -> None:
    storage = Storage("postgresql://bot:hunter2@127.0.0.1:9/none?connect_timeout=1")
    with pytest.raises(EngineError) as raised:
        await storage.read(_SCHEMA, _all)
    assert "hunter2" not in str(raised.value)
    with pytest.raises(SettingsError):
        Storage("mysql://bot:hunter2@127.0.0.1/none")
