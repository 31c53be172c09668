"""Books of usage: in memory, on SQLite and on Postgres alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from framework.engine.usage import MemoryUsageBook, Usage, UsageBook
from framework.engine.usage_database import DatabaseUsageBook
from framework.errors import EngineError
from tests.support.postgres import Postgres

DAY = date(2026, 1, 1)
ONE = Usage(100, 0.5, 1)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request, tmp_path)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def book(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageBook]:
    made: UsageBook = MemoryUsageBook() if request.param == "memory" else DatabaseUsageBook(_url(request, tmp_path))
    yield made
    await made.close()


def _url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/engine.sqlite"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


async def test_counts_each_turn_once(book: UsageBook) -> None:
    assert await book.spend("t1", ["ann", "all"], DAY, ONE)
    assert not await book.spend("t1", ["ann", "all"], DAY, ONE)
    assert await book.spend("t2", ["ben", "all"], DAY, replace(ONE, tokens=50))
    assert await book.spent(["ann", "ben", "all", "nobody"], DAY) == {
        "ann": ONE,
        "ben": Usage(50, 0.5, 1),
        "all": Usage(150, 1.0, 2),
        "nobody": Usage(),
    }


async def test_every_day_begins_with_nothing(book: UsageBook) -> None:
    await book.spend("t1", ["all"], DAY, ONE)
    tomorrow = DAY + timedelta(days=1)
    assert await book.spent(["all"], tomorrow) == {"all": Usage()}
    await book.spend("t2", ["all"], tomorrow, ONE)
    assert await book.spent(["all"], DAY) == {"all": ONE}


async def test_replicas_that_spend_at_once_lose_nothing_and_double_nothing(url: str) -> None:
    books = [DatabaseUsageBook(url) for _ in range(3)]
    told = [books[n % 3].spend(f"t{n // 2}", ["all", "ann"], DAY, Usage(1, 0.25, 1)) for n in range(60)]
    assert sum(await asyncio.gather(*told)) == 30
    assert await books[0].spent(["all", "ann"], DAY) == dict.fromkeys(["all", "ann"], Usage(30, 7.5, 30))
    for one in books:
        await one.close()


async def test_what_was_counted_outlives_the_process(url: str) -> None:
    before = DatabaseUsageBook(url)
    await before.spend("t1", ["all"], DAY, ONE)
    await before.close()
    after = DatabaseUsageBook(url)
    assert not await after.spend("t1", ["all"], DAY, ONE)
    assert await after.spent(["all"], DAY) == {"all": ONE}
    await after.close()


async def test_a_database_that_cannot_be_opened_is_an_engine_error(tmp_path: Path) -> None:
    (tmp_path / "engine.sqlite").mkdir()
    book = DatabaseUsageBook(f"sqlite:///{tmp_path}/engine.sqlite")
    with pytest.raises(EngineError):
        await book.spend("t1", ["all"], DAY, ONE)
