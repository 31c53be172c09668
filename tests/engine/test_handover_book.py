"""The book of handovers: in memory, in a file and on a server, and what two replicas do to one row at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.runtime.handover.database import DatabaseHandovers
from framework.runtime.state.feedback import Feedback, FeedbackLog, count
from framework.runtime.state.feedback_database import DatabaseFeedback
from framework.runtime.state.handover import BY_TIME, Act, Handover, closing, opening, taking
from framework.runtime.state.handover_book import HandoverBook, MemoryHandovers
from framework.storage import Storage
from tests.support.postgres import Postgres

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CID = "messaging:support-1"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


@pytest.fixture
def opened(url: str) -> Iterator[Callable[[], Storage]]:
    """Opens the database as one more replica."""
    storages: list[Storage] = []

    def open_() -> Storage:
        storages.append(Storage(url))
        return storages[-1]

    yield open_
    for storage in storages:
        storage.close()


@pytest.fixture(params=["memory", "database"])
def book(request: pytest.FixtureRequest, opened: Callable[[], Storage]) -> HandoverBook:
    return MemoryHandovers() if request.param == "memory" else DatabaseHandovers(opened())


def handover(turn: str, *, minute: int = 0) -> Handover:
    return Handover(
        "open", NOON + timedelta(minutes=minute), turn, f"m-{turn}", reason="A person was asked for.", to=("mo",)
    )


async def test_a_handover_from_its_opening_to_its_end(book: HandoverBook) -> None:
    assert await book.of("bot", [CID]) == {}
    opened = await book.change("bot", CID, opening(handover("1")))
    assert opened == handover("1")
    assert await book.change("bot", CID, opening(handover("2", minute=1))) == opened  # somebody else was quicker
    taken = await book.change("bot", CID, taking("1", Act("mo", "m-5", "Mo")))
    await book.change("bot", CID, taking("1", Act("tina", "m-6")))
    assert taken is not None
    assert taken.taken == Act("mo", "m-5", "Mo")
    until = NOON + timedelta(minutes=10)
    await book.change("bot", CID, closing("another turn", until, BY_TIME))
    closed = await book.change("bot", CID, closing("1", until, Act("mo", "m-7")))
    assert closed is not None
    assert (closed.is_open, closed.ended) == (False, Act("mo", "m-7"))
    assert closed.had(NOON + timedelta(minutes=5))
    assert not closed.had(until + timedelta(seconds=1))
    assert await book.change("bot", CID, opening(handover("1"))) == closed  # the turn that opened it runs again
    # Who asked before the team handed back had a person, however late the turn comes.
    assert await book.change("bot", CID, opening(handover("2", minute=10))) == closed
    again = await book.change("bot", CID, opening(handover("3", minute=20)))
    assert again is not None
    assert (again.turn, again.had(NOON + timedelta(minutes=5))) == ("3", True)
    assert await book.of("bot", [CID, "messaging:other"]) == {CID: again}
    assert await book.of("other bot", [CID]) == {}


async def test_numbers_and_failures_are_counted_once(book: HandoverBook) -> None:
    assert [await book.next_number("bot", "desk") for _ in range(3)] == [0, 1, 2]
    assert await book.next_number("bot", "other") == 0
    said = [("1", True), ("2", True), ("2", True), ("3", False), ("4", True), ("5", True), ("6", True), ("7", True)]
    found = [await book.failures("bot", CID, turn, failed=failed, limit=3) for turn, failed in said]
    assert found == [1, 2, 2, 0, 1, 2, 3, 1]


async def test_a_person_is_forgotten_everywhere(book: HandoverBook) -> None:
    await book.change("bot", CID, opening(handover("1")))
    await book.change("bot", CID, taking("1", Act("mo", "m-5", "Mo")))
    await book.change("bot", "messaging:other", opening(handover("2")))
    assert await book.forget("tina") == 0
    assert await book.forget("mo") == 2
    assert await book.forget("mo") == 0
    state = (await book.of("bot", [CID]))[CID]
    assert (state.to, state.taken, state.is_open) == ((), Act("", "m-5"), True)


async def test_of_a_person_who_is_forgotten_nobody_else_s_reason_goes(opened: Callable[[], Storage]) -> None:
    """The turn may be kept in NATS, where this database does not find who asked."""
    book = DatabaseHandovers(opened())
    await book.change("bot", CID, opening(replace(handover("1"), asked_by="ada")))
    await book.change("bot", CID, closing("1", NOON + timedelta(minutes=9), Act("mo", "m-7")))
    await book.change("bot", "messaging:other", opening(replace(handover("2"), asked_by="bob")))
    assert await book.forget("bob") == 1
    states = await book.of("bot", [CID, "messaging:other"])
    assert (states[CID].reason, states[CID].asked_by) == ("A person was asked for.", "ada")
    assert (states["messaging:other"].reason, states["messaging:other"].asked_by) == ("", "")


async def test_of_many_replicas_at_one_moment_one_opens_it(opened: Callable[[], Storage]) -> None:
    replicas = [DatabaseHandovers(opened()) for _ in range(8)]
    found = await asyncio.gather(
        *(one.change("bot", CID, opening(handover(str(n)))) for n, one in enumerate(replicas)),
    )
    assert len({state.turn for state in found if state is not None}) == 1
    numbers = await asyncio.gather(*(one.next_number("bot", "desk") for one in replicas for _ in range(5)))
    assert sorted(numbers) == list(range(40))


async def test_replicas_share_feedback(opened: Callable[[], Storage]) -> None:
    logs: list[FeedbackLog] = [DatabaseFeedback(opened()) for _ in range(4)]
    votes = [Feedback("bot", "r", CID, f"user-{n % 5}", "like", NOON + timedelta(seconds=n)) for n in range(20)]
    await asyncio.gather(*(logs[n % 4].record(vote) for n, vote in enumerate(votes)))
    assert await count(logs[0], "bot") == {"like": 5}
    await logs[1].record(Feedback("bot", "r", CID, "user-0", "like", NOON + timedelta(hours=1), given=False))
    await logs[2].record(Feedback("bot", "r", CID, "user-0", "like", NOON))  # late
    assert await count(logs[3], "bot") == {"like": 4}
