"""What bots remember, in a file and on a Postgres that several processes share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from framework.agent.prompt.facts import Facts
from framework.definition.parts.memory import Memory
from framework.errors import FrameworkError
from framework.tools.database import Database
from tests.support.postgres import Postgres, unavailable


def now() -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    if reason := unavailable():
        pytest.skip(reason)
    with Postgres.running() as running:
        yield running


@pytest.fixture(params=["file", "postgres"])
async def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Database]]:
    """The database as three processes see it."""
    url = None
    if request.param == "postgres":
        url = SecretStr(request.getfixturevalue("server").database())
    made = [Database(tmp_path, url) for _ in range(3)]
    yield made
    for one in made:
        one.close()


async def test_facts_are_shared_by_processes_and_kept_apart_by_bot_and_person(replicas: list[Database]) -> None:
    facts = [Facts("bot", database, Memory(facts=True, limit=4), now=now) for database in replicas]
    await asyncio.gather(*(facts[n % 3].remember(f"user{n % 5}", "messaging:a", f"fact {n}") for n in range(30)))
    for number in range(5):
        known = await facts[number % 3].of(f"user{number}", "messaging:a")
        assert len(known) == 4
        assert {int(fact.split()[1]) % 5 for fact in known} == {number}
    other = Facts("other", replicas[0], Memory(facts=True), now=now)
    assert await other.of("user1", "messaging:a") == ()
    assert await other.erase("user1") == 0
    assert await facts[0].erase("user1") >= 4
    assert await facts[1].of("user1", "messaging:a") == ()


async def test_a_database_that_is_gone_is_named_without_its_password(tmp_path: Path) -> None:
    database = Database(tmp_path, SecretStr("postgresql://bot:hunter2@127.0.0.1:9/none?connect_timeout=1"))
    with pytest.raises(FrameworkError) as caught:
        await Facts("bot", database, Memory(facts=True), now=now).of("ada", "messaging:a")
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("DATABASE_URL")
