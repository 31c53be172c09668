"""The history of turns: kept once whatever dies, read by what is asked, and let go of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.errors import EngineError
from framework.insight.history import HistoryWriter, TurnLine, Wanted
from framework.insight.history_database import DatabaseHistory
from framework.storage import Storage
from tests.support.postgres import Postgres

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LINE = TurnLine(
    key="1",
    bot="support_bot",
    channel="messaging:support-1",
    message="m-1",
    user="ann",
    cause="every_message",
    outcome="answered",
    label="none",
    reason="",
    rule="",
    received_at=NOON,
    first_text_seconds=0.2,
    seconds=0.3,
    reply="r-1",
    model="embedded",
    input_tokens=7,
    output_tokens=3,
    cost=0.5,
    sources=(("warranty.md", "Claims"),),
    tools=(("search_knowledge", True),),
    replica="a:1",
)
AGAIN = replace(LINE, outcome="silent", label="already_answered", reason="already answered", sources=(), model="")


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.database()
    opened = Storage(url)
    yield opened
    opened.close()


@pytest.fixture
def history(storage: Storage) -> DatabaseHistory:
    return DatabaseHistory(storage)


async def test_a_line_is_read_as_it_was_written(history: DatabaseHistory) -> None:
    await history.add([LINE])
    assert await history.read(Wanted()) == [LINE]


async def test_a_turn_that_runs_again_leaves_its_first_line(history: DatabaseHistory) -> None:
    await history.add([LINE])
    await history.add([AGAIN])
    assert await history.read(Wanted()) == [LINE]


async def test_a_dead_letter_that_is_tried_again_says_what_came_of_it(history: DatabaseHistory) -> None:
    await history.add([replace(LINE, outcome="failed", label="failed", reason="The model is down.")])
    await history.add([LINE])
    assert await history.read(Wanted()) == [LINE]


async def test_lines_are_found_by_what_is_asked(history: DatabaseHistory) -> None:
    later = replace(LINE, key="2", channel="messaging:b", message="m-2", received_at=NOON + timedelta(hours=1))
    other = replace(LINE, key="3", bot="sales_bot", outcome="silent", received_at=NOON + timedelta(hours=2))
    await history.add([other, LINE, later])
    assert await history.read(Wanted()) == [LINE, later, other]
    assert await history.read(Wanted(bot="support_bot", newest=1)) == [later]
    assert await history.read(Wanted(since=NOON + timedelta(minutes=1), until=other.received_at)) == [later]
    assert await history.read(Wanted(message="m-2")) == [later]
    assert await history.read(Wanted(channel=LINE.channel, outcome="silent")) == [other]


async def test_a_person_is_forgotten_and_old_lines_go(history: DatabaseHistory) -> None:
    bens = replace(LINE, key="2", user="ben", received_at=NOON + timedelta(days=2))
    await history.add([LINE, bens, replace(LINE, key="3", user="carl")])
    assert await history.forget("ann") == 1
    assert await history.prune(NOON + timedelta(days=1)) == 1
    assert await history.read(Wanted()) == [bens]


class Slow:
    """A history that takes its time, and fails where it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.batches: list[int] = []
        self.fails = fails

    async def add(self, lines: Sequence[TurnLine]) -> None:
        self.batches.append(len(lines))
        await asyncio.sleep(0)
        if self.fails:
            raise EngineError("The database cannot be reached.")

    async def read(self, wanted: Wanted) -> list[TurnLine]:
        raise AssertionError

    async def forget(self, user: str) -> int:
        raise AssertionError

    async def prune(self, before: datetime) -> int:
        raise EngineError("The database cannot be reached.")

    async def close(self) -> None:
        self.batches.append(-1)


async def test_lines_of_many_turns_are_written_together() -> None:
    history = Slow()
    writer = HistoryWriter(history)
    await asyncio.gather(*(writer.add(replace(LINE, key=str(number))) for number in range(1_200)))
    await writer.close()
    assert sum(history.batches[:-1]) == 1_200
    assert len(history.batches) <= 5


async def test_a_history_that_fails_keeps_nobody_from_an_answer() -> None:
    writer = HistoryWriter(Slow(fails=True))
    await writer.add(LINE)
    await writer.prune(NOON)
    await writer.close()


class Broken(Slow):
    """A history with a defect."""

    async def add(self, lines: Sequence[TurnLine]) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError


async def test_a_defect_of_the_history_leaves_no_turn_waiting() -> None:
    writer = HistoryWriter(Broken())
    await asyncio.gather(*(writer.add(replace(LINE, key=str(number))) for number in range(1_200)))
    assert writer._task is not None
    await asyncio.wait({writer._task})
    assert isinstance(writer._task.exception(), ZeroDivisionError)
