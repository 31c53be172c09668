"""What a replica does with what another one has accepted: both hear of every message."""

from __future__ import annotations

import asyncio

import psycopg

from framework.engine.opening import open_engine
from tests.engine.contract import job
from tests.support.postgres import Postgres


async def test_a_job_that_is_known_is_refused_without_waiting_for_its_row(postgres: Postgres) -> None:
    url = postgres.database()
    engine = await asyncio.to_thread(open_engine, url)
    try:
        assert await engine.enqueue(job("1", lane="a"))
        with psycopg.connect(url) as other:  # a transaction that has the job to itself
            other.execute("SELECT key FROM engine_jobs FOR UPDATE")
            assert not await engine.enqueue(job("1", lane="a"))
    finally:
        await engine.close()


async def test_of_two_replicas_that_accept_the_same_jobs_at_once_each_job_is_one_s(postgres: Postgres) -> None:
    url = postgres.database()
    engines = [await asyncio.to_thread(open_engine, url) for _ in range(2)]
    jobs = [job(f"{n:03d}", lane=str(n % 7)) for n in range(100)]
    try:
        answers = await asyncio.gather(*(engine.enqueue(one) for one in jobs for engine in engines))
        assert [answers[n] + answers[n + 1] for n in range(0, 200, 2)] == [1] * 100
        load = await engines[0].load()
        assert load.waiting == 100
    finally:
        for engine in engines:
            await engine.close()
