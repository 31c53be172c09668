"""The durable engine keeps the contract on a SQLite file, on a real Postgres server and on a real NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from framework.engine.durable import DurableEngine
from framework.engine.opening import open_engine
from framework.engine.port import Job
from tests.engine.contract import EngineContract
from tests.support.engines import database_of
from tests.support.nats import Nats
from tests.support.postgres import Postgres


class TestOnSqlite(EngineContract):
    @pytest.fixture
    async def engine(self, tmp_path: Path) -> AsyncIterator[DurableEngine]:
        engine = await asyncio.to_thread(open_engine, f"sqlite:///{tmp_path / 'engine.sqlite'}", concurrency=4)
        yield engine
        await engine.close()


class TestOnPostgres(EngineContract):
    @pytest.fixture
    async def engine(self, postgres: Postgres) -> AsyncIterator[DurableEngine]:
        engine = await asyncio.to_thread(open_engine, postgres.database(), concurrency=4)
        yield engine
        await engine.close()


class TestOnNats(EngineContract):
    @pytest.fixture
    async def engine(self, nats: Nats) -> AsyncIterator[DurableEngine]:
        engine = await asyncio.to_thread(open_engine, nats.journal(), concurrency=4)
        yield engine
        await engine.close()


async def test_what_is_asked_in_the_round_in_which_the_engine_closes_is_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'engine.sqlite'}"
    engine = await asyncio.to_thread(open_engine, url)
    asked = [asyncio.create_task(engine.enqueue(Job(f"job {n}", f"lane {n}", order="1"))) for n in range(3)]
    await asyncio.sleep(0)
    journal = database_of(engine)
    await journal.close()
    assert await asyncio.gather(*asked) == [True, True, True]
    other = await asyncio.to_thread(open_engine, url)
    assert [await other.holds(f"job {n}") for n in range(3)] == [True, True, True]
    await other.close()
