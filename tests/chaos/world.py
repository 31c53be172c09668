"""Everything that runs in a scenario: sandbox, database, model, replicas, and what is known of them from outside."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from framework.engine.nats.address import address
from framework.engine.nats.records import HEARTBEATS, STREAMS, everywhere, stream_name
from framework.engine.nats.store import NatsStore
from tests.chaos.app import App, open_app
from tests.chaos.balancer import balancer
from tests.support.model_server import Pace, model_process
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.replicas import Replica, Sandbox

BOT_FOLDER = Path(__file__).parent / "bot"
_RUNNING = (
    "SELECT j.payload FROM engine_jobs j JOIN engine_replicas r ON j.owner = r.id"
    " WHERE j.state = 'running' AND r.pid = {}"
)
Journal = Literal["sqlite", "postgres", "nats", "cluster"]
"""`nats`: one server; `cluster`: three."""
Ingress = Literal["websocket", "webhook", "both"]


@dataclass(frozen=True)
class Setting:
    """How a world is set up. Seconds; `noting`: the share of questions that call the tool."""

    messages: int = 400
    channels: int = 40
    replicas: int = 3
    database: Journal = "postgres"
    ingress: Ingress = "websocket"
    seed: int = 1
    spread: float = 20.0
    pace: Pace = field(default_factory=Pace)
    noting: float = 0.25
    rate_limits: bool = False
    bot: Path = BOT_FOLDER


@dataclass
class World:
    """The parts, and a diary of what was done to them."""

    setting: Setting
    folder: Path
    sandbox: Sandbox
    replicas: list[Replica]
    app: App
    url: str
    postgres: Postgres | None
    nats: Nats | None
    chance: random.Random
    began: float = field(default_factory=time.time)
    diary: list[str] = field(default_factory=list)
    killed: dict[str, float] = field(default_factory=dict)
    loading: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def effects(self) -> Path:
        """The file in which the tool's runs leave a line each: key, entry, pid."""
        return self.folder / "effects"

    def note(self, what: str) -> None:
        """Write down what is done, and when."""
        self.diary.append(f"{time.time() - self.began:5.1f} s  {what}")

    async def kill(self, replica: Replica, *, pause: float = 0.5) -> None:
        """End a replica as a crash would, and start it again. What it was doing is remembered with the moment."""
        running = await self._running(replica.pid)
        at = time.time()
        await replica.end()
        self.killed |= dict.fromkeys(running, at)
        self.note(f"kill -9 {replica.name} in the middle of {len(running)} turns")
        await asyncio.sleep(pause)
        replica.start()

    async def freeze(self, replica: Replica, seconds: float) -> None:
        """Stop a replica's processor for a while."""
        running = await self._running(replica.pid)
        self.note(f"SIGSTOP {replica.name} for {seconds:.0f} s in the middle of {len(running)} turns")
        replica.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        replica.send(signal.SIGCONT)

    async def kill_sandbox(self, pause: float) -> None:
        """The chat service is gone for a while."""
        self.note(f"kill -9 sandbox, away for {pause:.0f} s")
        await self.sandbox.end()
        await asyncio.sleep(pause)
        self.sandbox.start()
        await self.sandbox.until_ready()

    async def kill_database(self, pause: float) -> None:
        """The database is gone for a while."""
        self.note(f"kill -9 database, away for {pause:.0f} s")
        if self.nats is not None:
            await asyncio.to_thread(self._restart_nats, pause)
            return
        assert self.postgres is not None
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.postgres.start)

    async def stall_database(self, seconds: float) -> None:
        """The database stands still for a while."""
        self.note(f"SIGSTOP of the database for {seconds:.1f} s")
        server = self.nats or self.postgres
        assert server is not None
        await asyncio.to_thread(server.freeze, seconds)

    async def kill_node(self, number: int, pause: float) -> None:
        """One server of three is gone for a while."""
        assert self.nats is not None
        self.note(f"kill -9 node {number}, away for {pause:.0f} s")
        await asyncio.to_thread(self.nats.kill, number)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.nats.start, number, wait=False)

    async def empty_nats(self) -> None:
        """All servers are killed, and come back with empty disks."""
        assert self.nats is not None
        self.note("kill -9 of all NATS servers; they come back with empty disks")
        await asyncio.to_thread(self._restart_nats, 1.0, empty=True)

    async def delete_streams(self) -> None:
        """Somebody deletes what NATS keeps."""
        self.note("all streams are deleted")
        async with nats_store(self.url) as store:
            for number in range(STREAMS):
                await store.client.request(f"$JS.API.STREAM.DELETE.{stream_name(number)}", b"", timeout=5)

    def _restart_nats(self, pause: float, *, empty: bool = False) -> None:
        assert self.nats is not None
        for number in self.nats.nodes:
            self.nats.kill(number)
        time.sleep(pause)
        for number in self.nats.nodes:
            if empty:
                self.nats.wipe(number)
            self.nats.start(number, wait=False)
        self.nats.until_ready()

    async def _running(self, pid: int) -> list[str]:
        """The ids of the replies that a process has in hand."""
        if self.nats is not None:
            return await self._running_in_nats(pid)
        return await asyncio.to_thread(self._running_in_database, pid)

    async def _running_in_nats(self, pid: int) -> list[str]:
        async with nats_store(self.url) as store:
            beats, _, _ = await store.page(0, HEARTBEATS, 1, 500)
            owners = {said["id"] for said in (json.loads(one.data) for one in beats) if said["pid"] == pid}
            pages = [await store.page(number, everywhere(number, "jobs"), 1, 2_000) for number in range(STREAMS)]
        records = [json.loads(one.data) for page in pages for one in page[0] if not one.subject.endswith(".$")]
        running = [one for one in records if one["state"] == "running" and one["owner"] in owners]
        return [str(one["payload"]["reply"]) for one in running]

    def _running_in_database(self, pid: int) -> list[str]:
        return [str(json.loads(str(row[0]))["reply"]) for row in self.query(_RUNNING.format(int(pid)))]

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the engine's database."""
        if self.postgres is not None:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
                return connection.execute(statement.encode()).fetchall()
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=10)) as database:
            return database.execute(statement).fetchall()


@asynccontextmanager
async def running_world(setting: Setting, postgres: Postgres | None, nats: Nats | None = None) -> AsyncIterator[World]:
    """A world whose replicas are ready, in a folder of its own; all of it is gone at the end."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(_folder()))
        sandbox = Sandbox(folder, rate_limits=setting.rate_limits)
        stack.callback(sandbox.kill)
        sandbox.start()
        model = stack.enter_context(model_process(setting.pace))
        used = postgres if setting.database == "postgres" else None
        database = used.database() if used is not None else f"sqlite:///{folder / 'engine.db'}"
        kept = nats if setting.database in {"nats", "cluster"} else None
        url = database if kept is None else kept.journal()
        journal = {} if kept is None else {"FRAMEWORK_JOURNAL": url}
        await sandbox.until_ready()
        app = await stack.enter_async_context(open_app(sandbox))
        world = World(setting, folder, sandbox, [], app, url, used, kept, random.Random(setting.seed))
        for number in range(setting.replicas):
            replica = Replica(
                f"replica-{number}",
                setting.bot,
                folder,
                sandbox=sandbox,
                model=model,
                database=database,
                ingress=setting.ingress,
                environment={"CHAOS_EFFECTS": str(world.effects), **journal},
            )
            stack.callback(replica.kill)
            world.replicas.append(replica)
        await app.prepare([f"support-{number:03d}" for number in range(setting.channels)])
        if setting.ingress != "websocket":
            await app.hook(await stack.enter_async_context(balancer(world.replicas)))
        for replica in world.replicas:
            replica.start()
        await asyncio.gather(*(replica.until_ready() for replica in world.replicas))
        world.began = time.time()
        yield world


@asynccontextmanager
async def nats_store(url: str) -> AsyncIterator[NatsStore]:
    """A look into what NATS keeps, from outside."""
    store = NatsStore(address(url), created=lambda _: None, cut=lambda: None)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        yield folder
