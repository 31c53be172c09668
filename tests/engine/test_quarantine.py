"""A job that ends its process: it alone is given up, whatever runs beside it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from framework.engine.opening import open_engine
from framework.engine.port import SUSPECTED_AFTER, Job
from tests.engine.replica import POISON, QUICK, Child, Journal, Options
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.waiting import until

INNOCENTS = 20
GIVEN_UP_AFTER = SUSPECTED_AFTER + 2


@pytest.mark.parametrize("database", ["sqlite", "postgres", "nats"])
async def test_a_poison_job_is_given_up_and_the_jobs_beside_it_are_done(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'engine.sqlite'}"
    if database == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database()
    if database == "nats":
        nats: Nats = request.getfixturevalue("nats")
        url = nats.journal()
    journal = Journal(tmp_path / "journal")
    engine = await asyncio.to_thread(open_engine, url, rhythm=QUICK)
    jobs = [Job(POISON, "lane of the poison", "0"), *(Job(f"{n:02d}", f"lane {n}", "0") for n in range(INNOCENTS))]
    for one in jobs:
        await engine.enqueue(one)
    options = Options(url=url, journal=str(tmp_path / "journal"), work=0.4, concurrency=64, give_up=GIVEN_UP_AFTER)
    children = [Child(options) for _ in range(2)]

    def all_done() -> bool:
        """Start again whoever died, as a supervisor does."""
        for n, child in enumerate(children):
            if not child.lives:
                child.close()
                children[n] = Child(options)
        return len(journal.entries("settle")) == len(jobs)

    try:
        await until(all_done)
    finally:
        for child in children:
            child.kill()
        await engine.close()
    settled = Counter(entry.key for entry in journal.entries("settle"))
    assert settled == Counter(one.key for one in jobs)
    assert [entry.key for entry in journal.entries("give up")] == [POISON]
    assert Counter(entry.key for entry in journal.entries("post")) == Counter(one.key for one in jobs[1:])
