"""The durable engine keeps the contract on a SQLite file, on a real Postgres server and on a real NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from framework.engine.durable import DurableEngine, open_engine
from tests.engine.contract import EngineContract
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
