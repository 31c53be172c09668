"""Everything that runs in a scenario: sandbox, database, model, replicas, and what is known of them from outside."""

from __future__ import annotations

import asyncio
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

from tests.chaos.app import App, open_app
from tests.chaos.balancer import balancer
from tests.support.model_server import Pace, model_process
from tests.support.postgres import Postgres
from tests.support.replicas import Replica, Sandbox

BOT_FOLDER = Path(__file__).parent / "bot"
_RUNNING = (
    "SELECT j.key FROM engine_jobs j JOIN engine_replicas r ON j.owner = r.id WHERE j.state = 'running' AND r.pid = {}"
)
Ingress = Literal["websocket", "webhook", "both"]


@dataclass(frozen=True)
class Setting:
    """How a world is set up. Seconds; `noting`: the share of questions that call the tool."""

    messages: int = 400
    channels: int = 40
    replicas: int = 3
    database: Literal["sqlite", "postgres"] = "postgres"
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
        running = await asyncio.to_thread(self._running, replica.pid)
        at = time.time()
        await replica.end()
        self.killed |= dict.fromkeys(running, at)
        self.note(f"kill -9 {replica.name} in the middle of {len(running)} turns")
        await asyncio.sleep(pause)
        replica.start()

    async def freeze(self, replica: Replica, seconds: float) -> None:
        """Stop a replica's processor for a while."""
        running = await asyncio.to_thread(self._running, replica.pid)
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
        assert self.postgres is not None
        self.note(f"kill -9 database, away for {pause:.0f} s")
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.postgres.start)

    def _running(self, pid: int) -> list[str]:
        """The keys of the jobs that a process has in hand: the ids of their replies."""
        return [str(row[0]) for row in self.query(_RUNNING.format(int(pid)))]

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the engine's database."""
        if self.postgres is not None:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
                return connection.execute(statement.encode()).fetchall()
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=10)) as database:
            return database.execute(statement).fetchall()


@asynccontextmanager
async def running_world(setting: Setting, postgres: Postgres | None) -> AsyncIterator[World]:
    """A world whose replicas are ready, in a folder of its own; all of it is gone at the end."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(_folder()))
        sandbox = Sandbox(folder, rate_limits=setting.rate_limits)
        stack.callback(sandbox.kill)
        sandbox.start()
        model = stack.enter_context(model_process(setting.pace))
        used = postgres if setting.database == "postgres" else None
        url = used.database() if used is not None else f"sqlite:///{folder / 'engine.db'}"
        await sandbox.until_ready()
        app = await stack.enter_async_context(open_app(sandbox))
        world = World(setting, folder, sandbox, [], app, url, used, random.Random(setting.seed))
        for number in range(setting.replicas):
            replica = Replica(
                f"replica-{number}",
                setting.bot,
                folder,
                sandbox=sandbox,
                model=model,
                database=url,
                ingress=setting.ingress,
                environment={"CHAOS_EFFECTS": str(world.effects)},
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


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        yield folder
