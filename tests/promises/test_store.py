"""Promises in a database: each once, whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.promises.promise import Promise
from framework.promises.store import PromiseStore
from framework.storage import Storage
from tests.support.postgres import Postgres, unavailable

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
ONE = Promise(
    "p1", "bot@app", "support_bot", "messaging:a", "", "ann", "m1", "remind", "the lathe", "en", "UTC", NOW,
    due=NOW + timedelta(hours=1), visible_to=("ann", "bot"),
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres | None]:
    if unavailable() is not None:
        yield None
        return
    with Postgres.running() as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, server: Postgres | None) -> Iterator[Storage]:
    if request.param == "postgres" and server is None:
        pytest.skip(unavailable() or "")
    url = server.database() if server is not None and request.param == "postgres" else ""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'p.sqlite'}"
    storage = Storage(url) if url else Storage.in_memory()
    yield storage
    storage.close()


@pytest.fixture
def store(storage: Storage) -> PromiseStore:
    return PromiseStore(storage, now=lambda: NOW)


async def test_a_promise_is_kept_once_and_comes_back_as_it_was(store: PromiseStore) -> None:
    assert await store.add(ONE, at_most=2) == ONE
    again = replace(ONE, what="other words", due=NOW + timedelta(hours=2))
    assert await store.add(again, at_most=2) == ONE
    assert await store.get("bot@app", "p1") == ONE
    assert await store.all() == [ONE]
    assert await store.get("other@app", "p1") is None


async def test_a_person_has_so_many_open_promises(store: PromiseStore) -> None:
    assert await store.add(ONE, at_most=2)
    assert await store.add(replace(ONE, id="p2"), at_most=2)
    assert await store.add(replace(ONE, id="p3"), at_most=2) is None
    assert await store.add(replace(ONE, id="p4", user="ben"), at_most=2)
    await store.cancel([ONE], "taken back")
    assert await store.add(replace(ONE, id="p3"), at_most=2)


async def test_one_turn_of_many_keeps_it(store: PromiseStore) -> None:
    await store.add(ONE, at_most=2)
    claims = await asyncio.gather(*(store.claim("bot@app", "p1", f"turn {n}") for n in range(5)))
    assert sum(claims) == 1
    mine = f"turn {claims.index(True)}"
    assert await store.claim("bot@app", "p1", mine)  # the same turn, tried again
    assert not await store.release("bot@app", "p1", "turn of another")
    assert await store.release("bot@app", "p1", mine)
    assert await store.claim("bot@app", "p1", "the next turn")
    assert not await store.end("bot@app", "p1", mine, "kept")
    assert await store.end("bot@app", "p1", "the next turn", "kept")
    assert not await store.claim("bot@app", "p1", "one more")
    assert await store.cancel([ONE], "too late") == 0


async def test_an_event_makes_what_waited_for_it_due(store: PromiseStore) -> None:
    waiting = replace(ONE, due=None, event="order.shipped", kind="tell")
    for one in (
        waiting,
        replace(waiting, id="p2", channel="messaging:b"),
        replace(waiting, id="p3", event="order.refunded"),
        replace(waiting, id="p4", made_at=NOW + timedelta(minutes=5)),
    ):
        await store.add(one, at_most=9)
    at = NOW + timedelta(minutes=1)
    assert await store.happened("bot@app", "messaging:a", "order.shipped", at, at) == 1
    assert await store.happened("bot@app", "messaging:a", "order.shipped", at, at) == 0
    [due] = await store.due("bot@app", at)
    assert (due.id, due.happened_at) == ("p1", at)


async def test_what_is_due_comes_in_order_and_an_erased_person_is_gone(store: PromiseStore) -> None:
    later, other = replace(ONE, id="p2", due=NOW + timedelta(hours=3)), replace(ONE, id="p3", user="ben", due=NOW)
    for one in (later, ONE, other):
        await store.add(one, at_most=9)
    assert [one.id for one in await store.due("bot@app", NOW + timedelta(hours=9))] == ["p3", "p1", "p2"]
    assert await store.forget("ann") == 2
    assert [one.id for one in await store.all(ended=True)] == ["p3"]


async def test_what_ended_long_ago_is_forgotten(storage: Storage) -> None:
    clock = [NOW]
    store = PromiseStore(storage, now=lambda: clock[0])
    await store.add(ONE, at_most=9)
    await store.cancel([ONE], "taken back")
    clock[0] = NOW + timedelta(days=91)
    await store.add(replace(ONE, id="p2"), at_most=9)
    assert [one.id for one in await store.all(ended=True)] == ["p2"]
