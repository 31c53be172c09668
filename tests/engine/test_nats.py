"""What a journal in NATS promises beside the contract: what a lost stream, a wrong address and an erasure come to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from framework.engine.durable import DurableEngine
from framework.engine.nats.address import address
from framework.engine.nats.erasure import erase_in_nats
from framework.engine.nats.journal import NatsJournal
from framework.engine.nats.messages import Stored
from framework.engine.nats.partitions import Owned, Partitions
from framework.engine.nats.records import STREAMS, decoded, encoded, heartbeat_at, stream_name
from framework.engine.nats.store import NatsStore
from framework.engine.opening import open_engine
from framework.engine.owners import partition_of
from framework.engine.port import DeadLetter, Done, Execution, Job, JobResult
from framework.errors import EngineError, SettingsError
from tests.engine.contract import Recorder, job
from tests.engine.replica import QUICK
from tests.support.nats import Nats
from tests.support.nats_secured import secured_nats
from tests.support.waiting import until


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[DurableEngine]:
    engine = await asyncio.to_thread(open_engine, url)
    try:
        yield engine
    finally:
        await engine.close()


async def test_what_runs_and_waits_outlives_the_deletion_of_its_streams(nats: Nats) -> None:
    url, done = nats.journal(), Recorder(held=True)
    async with opened(url) as engine:
        await engine.start(done)
        for key in ("1", "2", "3"):
            await engine.enqueue(job(key))
        await until(lambda: done.started == ["1"])
        store = NatsStore(address(url), created=lambda _: None, cut=lambda: None)
        await store.open()
        for number in range(STREAMS):
            said = await store.client.request(f"$JS.API.STREAM.DELETE.{stream_name(number)}", b"")
            assert json.loads(said.data)["success"]
        await store.close()
        done.gate.set()
        await engine.enqueue(job("4"))
        await until(lambda: done.finished == ["1", "2", "3", "4"])
        await engine.settled()
        assert done.attempts == [1, 1, 1, 1]
        assert not await engine.enqueue(job("2"))


async def test_a_message_is_deleted_once(nats: Nats) -> None:
    store = NatsStore(address(nats.journal()), created=lambda _: None, cut=lambda: None)
    await store.open()
    sequence = await store.put(heartbeat_at("me"), b"1")
    assert sequence is not None
    assert [await store.delete(0, one) for one in (sequence, sequence, sequence + 100)] == [True, False, False]
    await store.close()


async def test_a_person_is_erased_from_what_waits_and_what_has_ended(nats: Nats) -> None:
    url = nats.journal()
    gate = asyncio.Event()

    async def handler(job: Job, execution: Execution) -> JobResult:
        await execution.save("model", "a text")
        if job.key == "runs":
            await gate.wait()
        return DeadLetter("no") if job.key == "dead" else Done()

    def of(user: str, key: str, lane: str) -> Job:
        return Job(key, lane, key, {"trigger": {"user": {"id": user}, "text": "a secret"}})

    async with opened(url) as engine:
        await engine.start(handler)
        for one in (of("eve", "done", "a"), of("eve", "dead", "b"), of("bob", "runs", "c"), of("eve", "waits", "c")):
            await engine.enqueue(one)
        await until(lambda: _ended(engine))
        erased = await erase_in_nats(address(url), "eve", 0.0)
        assert (erased.jobs, erased.waiting, erased.running) == (3, 1, 0)
        gate.set()
        await engine.settled()
        records = {one.job.key: one for one in await engine.records(["settled", "dead", "waiting"])}
        assert {key: one.state for key, one in records.items()} == dict.fromkeys(records, "settled")
        assert all(records[key].job.payload == {} for key in ("done", "dead", "waits"))
        assert records["runs"].job.payload != {}
        assert not await engine.enqueue(of("eve", "waits", "c"))


async def _ended(engine: DurableEngine) -> bool:
    load = await engine.load()
    return (load.waiting, load.running, load.dead) == (1, 1, 1)


async def test_a_server_that_is_away_is_said_with_what_to_do() -> None:
    with pytest.raises(EngineError, match="cannot be reached") as caught:
        await asyncio.to_thread(open_engine, "nats://me:secret@127.0.0.1:1")
    assert "FRAMEWORK_JOURNAL" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_copies_on_more_servers_than_there_are_is_said(nats: Nats) -> None:
    with pytest.raises(EngineError, match="cannot keep the journal") as caught:
        await asyncio.to_thread(open_engine, nats.journal(), copies=3)
    assert "FRAMEWORK_JOURNAL_REPLICAS=1" in str(caught.value)


async def test_a_step_that_is_too_large_gives_its_turn_up_and_says_why(nats: Nats) -> None:
    async def handler(job: Job, execution: Execution) -> JobResult:
        await execution.save("model", "x" * 2_000_000)
        return Done()

    async with opened(nats.journal()) as engine:
        await engine.start(handler)
        await engine.enqueue(job("1"))
        await engine.settled()
        (dead,) = await engine.records(["dead"])
    assert "more than NATS takes at once" in dead.error


async def test_closing_ends_although_the_connection_never_says_that_it_is_closed(
    nats: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await asyncio.to_thread(open_engine, nats.journal(), rhythm=QUICK)
    close = NatsStore.close

    async def half_open(store: NatsStore) -> None:
        await close(store)
        await asyncio.Event().wait()

    monkeypatch.setattr(NatsStore, "close", half_open)
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            await engine.close()
    assert "engine.connection_left" in [line["event"] for line in logs]
    with pytest.raises(EngineError, match="was closed"):
        await engine.load()


@pytest.mark.parametrize("text", ["a", "a.b", "*", ">", "", "läne\ud83d", "a b", "%41", "$", "~x"])
def test_any_key_is_one_token_of_a_subject(text: str) -> None:
    token = encoded(text)
    assert decoded(token) == text
    assert token.isascii()
    assert token != "$"
    assert not set(token) & set(".*> ")


@pytest.mark.parametrize(
    ("url", "shown", "replicas"),
    [
        ("nats://one", "nats://one:4222", 1),
        ("nats://u:p@one:1,two:2,three:3", "nats://one:1,two:2,three:3", 3),
        ("tls://one,two", "tls://one:4222,two:4222", 1),
    ],
)
def test_an_address_names_servers_and_shows_no_password(url: str, shown: str, replicas: int) -> None:
    found = address(url, credentials=Path("creds"))
    assert (found.shown, found.replicas, found.encrypted) == (shown, replicas, url.startswith("tls"))
    assert "u:p" not in repr(found)


@pytest.mark.parametrize("url", ["nats://", "nats://a:x", "http://a", "nats://a/b"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="not understood"):
        address(url)


async def test_closing_ends_although_a_library_lost_a_cancellation(nats: Nats) -> None:
    """`asyncio.wait_for` of Python 3.11, in which a heartbeat waits, loses one that comes with the answer."""
    engine = await asyncio.to_thread(open_engine, nats.journal(), rhythm=QUICK)
    journal = engine._journal
    assert isinstance(journal, NatsJournal)
    members = journal.replica.members
    waits, lost = threading.Event(), threading.Event()

    async def losing() -> None:
        waits.set()
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            if lost.is_set():
                raise
            lost.set()

    members.beat = losing  # type: ignore[method-assign]
    await until(waits.is_set)
    async with asyncio.timeout(60):
        await engine.close()
    assert lost.is_set()


async def test_a_job_that_is_kept_while_its_partition_is_being_read_runs_as_well(
    nats: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows of it yet: it is not among what was read, and its lane is not ours in the engine's eyes."""
    read, gate = Partitions._all, threading.Event()

    async def slow(partitions: Partitions, owned: Owned) -> list[Stored]:
        found = await read(partitions, owned)
        while owned.partition == partition_of(job("1")) and not gate.is_set():
            await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(Partitions, "_all", slow)
    async with opened(nats.journal()) as engine:
        done = Recorder()
        starting = asyncio.create_task(engine.start(done))
        journal = engine._journal
        assert isinstance(journal, NatsJournal)
        await until(lambda: partition_of(job("1")) in journal.replica.partitions.owned)
        await engine.enqueue(job("1"))
        gate.set()
        await starting
        await engine.enqueue(job("2"))
        await until(lambda: len(done.finished) == 2)
        assert done.finished == ["1", "2"]


async def test_a_journal_is_reached_by_tls_and_a_credentials_file_alone(tmp_path: Path) -> None:
    with secured_nats(tmp_path / "nats") as server:
        done = Recorder()
        engine = await asyncio.to_thread(open_engine, server.url, ca=server.ca, credentials=server.credentials)
        await engine.start(done)
        await engine.enqueue(job("1"))
        await engine.settled()
        await engine.close()
        assert done.finished == ["1"]
        other = tmp_path / "other.creds"
        other.write_text(server.credentials.read_text().replace("SEED-----\nSU", "SEED-----\nSA"))
        with pytest.raises(SettingsError) as wrong:
            await asyncio.to_thread(open_engine, server.url, ca=server.ca, credentials=other)
        assert wrong.value.where == "FRAMEWORK_JOURNAL_CREDENTIALS"
        with pytest.raises(EngineError, match="let us in"):
            await asyncio.to_thread(open_engine, server.url, ca=server.ca)
        with pytest.raises(EngineError, match=r"reached.*certificate"):
            await asyncio.to_thread(open_engine, server.url, credentials=server.credentials)


async def test_a_full_disk_refuses_jobs_loses_none_and_is_said_once() -> None:
    """Reads go on while writes are refused: they do not say that all is well."""
    gate, done = asyncio.Event(), Recorder()

    async def handler(job: Job, execution: Execution) -> JobResult:
        await gate.wait()
        return await done(job, execution)

    def large(n: int) -> Job:
        return Job(f"{n:03d}", f"lane {n % 5}", f"{n:03d}", {"text": "x" * 50_000})

    with Nats.running(disk="2MB") as server, capture_logs() as logs:
        async with opened(server.journal()) as engine:
            await engine.start(handler)
            kept: list[str] = []
            while await _is_kept(engine, large(len(kept))):
                kept.append(f"{len(kept):03d}")
            for _ in range(3):
                await engine.load()
                with pytest.raises(EngineError, match="disk of NATS is full"):
                    await engine.enqueue(large(900))
            gate.set()
            server.kill()
            server.disk = "50MB"
            await asyncio.to_thread(server.start)
            await engine.settled()
            assert sorted(done.finished) == kept
            assert await engine.enqueue(large(900))
            await engine.settled()
    told = [line["event"] for line in logs if line["event"] in {"engine.database_lost", "engine.database_back"}]
    assert told[:2] == ["engine.database_lost", "engine.database_back"]


async def _is_kept(engine: DurableEngine, one: Job) -> bool:
    try:
        return await engine.enqueue(one)
    except EngineError:
        return False
