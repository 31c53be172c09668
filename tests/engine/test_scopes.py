"""Several replicas on one database, each with scopes of its own: who executes what, and who hears what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from framework.engine.durable import DurableEngine
from framework.engine.opening import open_engine
from framework.engine.port import OnBroadcast
from tests.engine.contract import Recorder, job
from tests.support.engines import UNHURRIED, listens
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.waiting import until

Notes = list[tuple[str, Mapping[str, Any]]]


@pytest.fixture(params=["sqlite", "postgres", "nats"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "nats":
        nats: Nats = request.getfixturevalue("nats")
        return nats.journal()
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.sqlite'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


@asynccontextmanager
async def opened(*urls: str) -> AsyncIterator[list[DurableEngine]]:
    async with AsyncExitStack() as stack:
        engines = []
        for url in urls:
            engines.append(await asyncio.to_thread(open_engine, url, concurrency=4, rhythm=UNHURRIED))
            stack.push_async_callback(engines[-1].close)
        yield engines


def hearing(notes: Notes) -> OnBroadcast:
    return lambda scope, note: notes.append((scope, note))


async def test_each_replica_executes_its_own_whoever_accepted_it(url: str) -> None:
    one, other = Recorder(), Recorder()
    async with opened(url, url) as (first, second):
        await first.start(one, scopes=["a"])
        await second.start(other, scopes=["b"])
        for n in range(20):
            await first.enqueue(job(f"a{n:02d}", scope="a"))
            await first.enqueue(job(f"b{n:02d}", scope="b"))
        await first.settled()
        await second.settled()
    assert one.finished == [f"a{n:02d}" for n in range(20)]
    assert other.finished == [f"b{n:02d}" for n in range(20)]
    assert set(one.attempts + other.attempts) == {1}


async def test_what_nobody_serves_waits_for_who_does(url: str) -> None:
    one, other = Recorder(), Recorder()
    async with opened(url) as (first,):
        await first.start(one, scopes=["a"])
        await first.enqueue(job("1", scope="b"))
        await first.settled()
        assert await first.drain(1) == ()
    async with opened(url) as (second,):
        await second.start(other, scopes=["b"])
        await second.settled()
    assert (one.finished, other.finished) == ([], ["1"])


async def test_a_note_reaches_all_others_that_serve_the_scope_and_once(url: str) -> None:
    heard: list[Notes] = [[], [], []]
    async with opened(url, url, url) as engines:
        for engine, notes, scopes in zip(engines, heard, (["a"], ["a", "b"], ["b"]), strict=True):
            await engine.start(Recorder(), scopes=scopes, on_broadcast=hearing(notes))
        await until(lambda: all(map(listens, engines)))
        for n in range(5):
            await engines[0].broadcast("a", {"kind": "stop", "n": n})
        await engines[2].broadcast("b", {"text": "grüße \x00"})
        await until(lambda: len(heard[1]) == 6)
        await asyncio.sleep(0.3)
    assert heard[0] == heard[2] == []
    assert [note for scope, note in heard[1] if scope == "a"] == [{"kind": "stop", "n": n} for n in range(5)]
    assert ("b", {"text": "grüße \x00"}) in heard[1]


async def test_a_replica_that_drains_hears_what_concerns_the_turns_that_it_still_has(url: str) -> None:
    notes: Notes = []
    held = Recorder(held=True)
    async with opened(url, url) as (first, second):
        await first.start(held, on_broadcast=hearing(notes))
        await first.enqueue(job("1"))
        await until(lambda: held.started)
        await second.start(Recorder())
        await until(lambda: listens(first))
        draining = asyncio.create_task(first.drain(60))
        await until(lambda: first._draining)
        await second.broadcast("", {"kind": "stop"})
        await until(lambda: notes)
        held.gate.set()
        await draining
    assert notes == [("", {"kind": "stop"})]


async def test_what_was_said_before_is_not_heard(url: str) -> None:
    notes: Notes = []
    async with opened(url, url) as engines:
        for engine in engines:
            await engine.start(Recorder())
        await engines[0].broadcast("a", {"n": 1})
        async with opened(url) as (late,):
            await late.start(Recorder(), on_broadcast=hearing(notes))
            await until(lambda: listens(late))
            await engines[0].broadcast("a", {"n": 2})
            await until(lambda: notes)
    assert notes == [("a", {"n": 2})]


async def test_a_note_that_is_too_long_is_refused(url: str) -> None:
    async with opened(url) as (engine,):
        with pytest.raises(ValueError, match="small"):
            await engine.broadcast("a", {"text": "x" * 8000})
