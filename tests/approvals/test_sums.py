"""Sums of arguments over time, on SQLite and on Postgres, over several replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.definition.expressions.approval_conditions import Sum, arguments_of, check_condition, read_condition
from framework.storage import Storage
from framework.tools.approval.sums import Amount, Payer, SumBook
from tests.support.postgres import Postgres

PER_DAY = Sum(("amount",), "day")
EVE = Payer("support_bot", "refund", "eve")


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def books(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[list[SumBook]]:
    """As many as replicas."""
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.database()
    storages = [Storage(url) for _ in range(3)]
    yield [SumBook(storage, now=clock.now) for storage in storages]
    for storage in storages:
        storage.close()


async def reserve(book: SumBook, key: str, value: float, *, bound: float = 100, payer: Payer = EVE) -> str | None:
    def asks(sums: Mapping[str, float]) -> bool:
        return sums[PER_DAY.name] > bound

    return await book.reserve(payer, key, [Amount(PER_DAY, value)], asks)


async def test_of_many_calls_at_once_those_pass_that_stay_below_the_bound(books: list[SumBook]) -> None:
    passed = await asyncio.gather(*(reserve(books[n % 3], f"turn:{n}", 9) for n in range(30)))
    assert len([key for key in passed if key]) == 11
    assert await reserve(books[0], "turn:30", 1) == "turn:30"
    assert await reserve(books[1], "turn:31", 1) is None


async def test_sums_are_of_one_person_tool_and_bot(books: list[SumBook]) -> None:
    assert await reserve(books[0], "a", 100)
    for other in (
        Payer("support_bot", "refund", "bob"),
        Payer("support_bot", "pay", "eve"),
        Payer("b", "refund", "eve"),
    ):
        assert await reserve(books[1], f"{other}", 100, payer=other)
    assert await reserve(books[2], "b", 1) is None


async def test_a_call_counts_once_until_its_time_is_over_or_it_is_released(books: list[SumBook], clock: Clock) -> None:
    assert await reserve(books[0], "a", 60) == await reserve(books[1], "a", 60) == "a"
    assert await reserve(books[1], "b", 60) is None
    await books[2].release("a")
    assert await reserve(books[1], "b", 60)
    await books[0].count(EVE, "approved", [Amount(PER_DAY, 5_000)])
    assert await reserve(books[1], "c", 1) is None
    clock.at += timedelta(days=1)
    assert await reserve(books[1], "c", 1)
    assert await books[0].erase("eve") == 3


async def test_without_a_key_every_call_counts(books: list[SumBook]) -> None:
    keys = [await reserve(books[0], "", 40) for _ in range(3)]
    assert keys[2] is None
    assert len(set(keys)) == 3


def test_sums_are_read_out_of_a_condition() -> None:
    read = read_condition("args.amount per day > 100 or abs( args.order.total )  per week >= 5 and user.id != 'x'")
    assert [one.name for one in read.sums] == ["args.amount per day", "args.order.total per week"]
    assert (
        read.expression
        == 'sums["args.amount per day"] > 100 or sums["args.order.total per week"] >= 5 and user.id != \'x\''
    )
    assert arguments_of("args.amount per day > args['limit']") == {"amount", "limit"}


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("args.amount per month > 100", "per hour"),
        ("args.amount per day", ""),
        ("sums['x'] > 1", "speaks of sums"),
        ("abs(args.amount) > max(1, 2)", ""),
        ("open('x')", "speaks of open"),
        ("args.amount per", "per hour"),
    ],
)
def test_a_condition_that_cannot_be_read_says_how_sums_are_written(condition: str, told: str) -> None:
    if not told:
        check_condition(condition)
        return
    with pytest.raises(ValueError, match=told):
        check_condition(condition)
