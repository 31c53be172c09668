"""Books of usage: in memory, on SQLite and on Postgres alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framework.budget.database import DatabaseUsageBook
from framework.budget.usage import LEASE, Bound, BudgetClaim, MemoryUsageBook, Refused, Usage, UsageBook
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
    assert await book.settle("t1", ["ann", "all"], DAY, ONE)
    assert not await book.settle("t1", ["ann", "all"], DAY, ONE)
    assert await book.settle("t2", ["ben", "all"], DAY, replace(ONE, tokens=50))
    assert await book.spent(["ann", "ben", "all", "nobody"], DAY) == {
        "ann": ONE,
        "ben": Usage(50, 0.5, 1),
        "all": Usage(150, 1.0, 2),
        "nobody": Usage(),
    }


async def test_every_day_begins_with_nothing(book: UsageBook) -> None:
    await book.settle("t1", ["all"], DAY, ONE)
    tomorrow = DAY + timedelta(days=1)
    assert await book.spent(["all"], tomorrow) == {"all": Usage()}
    await book.settle("t2", ["all"], tomorrow, ONE)
    assert await book.spent(["all"], DAY) == {"all": ONE}


async def test_replicas_that_spend_at_once_lose_nothing_and_double_nothing(url: str) -> None:
    books = [DatabaseUsageBook(url) for _ in range(3)]
    told = [books[n % 3].settle(f"t{n // 2}", ["all", "ann"], DAY, Usage(1, 0.25, 1)) for n in range(60)]
    assert sum(await asyncio.gather(*told)) == 30
    assert await books[0].spent(["all", "ann"], DAY) == dict.fromkeys(["all", "ann"], Usage(30, 7.5, 30))
    for one in books:
        await one.close()


async def test_what_was_counted_outlives_the_process(url: str) -> None:
    before = DatabaseUsageBook(url)
    await before.settle("t1", ["all"], DAY, ONE)
    await before.close()
    after = DatabaseUsageBook(url)
    assert not await after.settle("t1", ["all"], DAY, ONE)
    assert await after.spent(["all"], DAY) == {"all": ONE}
    await after.close()


async def test_a_database_that_cannot_be_opened_is_an_engine_error(tmp_path: Path) -> None:
    (tmp_path / "engine.sqlite").mkdir()
    book = DatabaseUsageBook(f"sqlite:///{tmp_path}/engine.sqlite")
    with pytest.raises(EngineError):
        await book.settle("t1", ["all"], DAY, ONE)


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def claim(turn: str, person: str = "ann", *, at: datetime = NOON, **more: Any) -> BudgetClaim:
    """A claim of a person whose turns of a day are bounded by three."""
    bounds = (Bound(person, turns=more.pop("turns", 3)), Bound("all"))
    return BudgetClaim(turn, at, at.date(), bounds, person, **more)


async def test_many_at_once_get_as_many_as_the_limit_says(book: UsageBook) -> None:
    refused = await asyncio.gather(*(book.reserve(claim(f"t{n}"), NOON) for n in range(25)))
    assert refused.count(None) == 3
    assert {one.why for one in refused if one} == {"spent"}
    assert await book.reserve(claim("other", "ben"), NOON) is None


async def test_replicas_reserve_from_one_budget(url: str) -> None:
    books = [DatabaseUsageBook(url) for _ in range(3)]
    refused = await asyncio.gather(*(books[n % 3].reserve(claim(f"t{n}"), NOON) for n in range(25)))
    assert refused.count(None) == 3
    for one in books:
        await one.close()


async def test_what_was_reserved_is_replaced_by_what_it_cost(book: UsageBook) -> None:
    await book.reserve(claim("t1", most=Usage(9_000, 2.0)), NOON)
    assert (await book.spent(["all"], DAY))["all"] == Usage(9_000, 2.0, 1)
    assert await book.settle("t1", ["ann", "all"], DAY, ONE)
    assert await book.spent(["ann", "all"], DAY) == {"ann": ONE, "all": ONE}
    assert not await book.settle("t1", ["ann", "all"], DAY, ONE)


async def test_what_was_released_counts_for_nothing_and_what_was_lost_as_it_was_reserved(book: UsageBook) -> None:
    await book.reserve(claim("t1", most=Usage(100, 1.0)), NOON)
    await book.release("t1")
    assert await book.spent(["ann", "all"], DAY) == {"ann": Usage(), "all": Usage()}
    await book.reserve(claim("t2", most=Usage(100, 1.0)), NOON)
    await book.release("t2", spent=True)
    assert (await book.spent(["ann"], DAY))["ann"] == Usage(100, 1.0, 1)
    assert not await book.settle("t2", ["ann", "all"], DAY, ONE)


async def test_a_turn_that_is_tried_again_pays_once(book: UsageBook) -> None:
    for _ in range(3):
        assert await book.reserve(claim("t1", turns=1), NOON) is None
    assert (await book.spent(["ann"], DAY))["ann"].turns == 1
    await book.settle("t1", ["ann", "all"], DAY, ONE)
    assert await book.reserve(claim("t1", turns=1), NOON) is None  # it was paid for: its answer may still be posted
    assert await book.reserve(claim("t2", turns=1), NOON) == Refused("spent", "ann")


async def test_a_reservation_that_nobody_settles_is_given_back_after_a_while(book: UsageBook) -> None:
    assert await book.reserve(claim("dead", turns=1), NOON) is None
    assert await book.reserve(claim("t2", turns=1), NOON + LEASE) == Refused("spent", "ann")
    assert await book.reserve(claim("t2", turns=1), NOON + LEASE + timedelta(seconds=1)) is None
    assert (await book.spent(["ann"], DAY))["ann"].turns == 1


async def test_turns_of_a_minute_are_those_of_the_minute_in_which_they_were_written(book: UsageBook) -> None:
    for n in range(2):
        assert await book.reserve(claim(f"t{n}", turns=None, per_minute=2), NOON) is None
        await book.settle(f"t{n}", ["ann", "all"], DAY, ONE)
    late = NOON + timedelta(hours=2)
    assert await book.reserve(claim("t3", turns=None, per_minute=2), late) == Refused("minute", "ann")
    a_minute_on = claim("t4", turns=None, per_minute=2, at=NOON + timedelta(seconds=60))
    assert await book.reserve(a_minute_on, late) is None
    assert await book.reserve(claim("t5", "ben", turns=None, per_minute=2), late) is None


async def test_turns_at_once_end_with_being_settled_or_released(book: UsageBook) -> None:
    for n in range(2):
        assert await book.reserve(claim(f"t{n}", at_once=2), NOON) is None
    assert await book.reserve(claim("t2", at_once=2), NOON) == Refused("at_once", "ann")
    await book.settle("t0", ["ann", "all"], DAY, ONE)
    assert await book.reserve(claim("t2", at_once=2), NOON) is None


async def test_without_a_count_a_turn_is_set_aside_as_the_turns_before_it_cost(book: UsageBook) -> None:
    def bounded(turn: str) -> BudgetClaim:
        return BudgetClaim(turn, NOON, DAY, (Bound("all", tokens=250),))

    assert await book.reserve(bounded("t0"), NOON) is None
    assert await book.reserve(bounded("t1"), NOON) == Refused("spent", "all")  # nobody knows yet what a turn costs
    await book.settle("t0", ["all"], DAY, Usage(100, 0.0, 1))
    refused = [await book.reserve(bounded(f"t{n}"), NOON) for n in range(1, 4)]
    assert refused == [None, None, Refused("spent", "all")]


async def test_calls_in_a_window_are_counted_once_by_their_key(book: UsageBook) -> None:
    minute = timedelta(minutes=1)
    took = [await book.take("refund", key, 2, minute, NOON) for key in ("a", "b", "a")]
    assert took == [0.0, 0.0, 0.0]
    assert await book.take("refund", "c", 2, minute, NOON + timedelta(seconds=20)) == 40.0
    assert await book.take("refund", "c", 2, minute, NOON + minute) == 0.0
    assert await book.take("other", "c", 2, minute, NOON) == 0.0


async def test_calls_that_come_a_little_out_of_order_share_a_window(book: UsageBook) -> None:
    minute, later = timedelta(minutes=1), NOON + timedelta(seconds=4)
    assert await book.take("refund", "b", 1, minute, later) == 0.0
    assert await book.take("refund", "a", 1, minute, NOON) == 64.0
    assert await book.take("refund", "b", 1, minute, later) == 0.0


async def test_what_is_forgotten_is_gone(book: UsageBook) -> None:
    await book.reserve(claim("t1"), NOON)
    await book.settle("t1", ["ann", "all"], DAY, ONE)
    assert await book.forget(["ann"])
    assert await book.spent(["ann", "all"], DAY) == {"ann": Usage(), "all": ONE}
