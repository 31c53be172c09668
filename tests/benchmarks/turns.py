"""Speed of whole turns, with a model that takes no time, beside a bare loop in the same run:
`python -m tests.benchmarks.turns [latency] [throughput] [flight] [idle] [memory]` (the last one takes minutes).

latency: from the question's event to the bot's first write, both as a watcher of the channels sees them, at 20 messages
a second. throughput: turns a second from the first question to the last reply. flight: 1,000 turns with a model of 5 s
at once in one process. idle: the processor of a real replica with nothing to do. memory: over 20,000 turns. Bot,
watcher and sandbox are each a process; the sandbox's limits are off.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt

from tests.benchmarks.peers import stay
from tests.chaos.world import BOT_FOLDER
from tests.support.model_server import Pace, model_process
from tests.support.postgres import Postgres
from tests.support.replicas import Replica, Sandbox, cpu_seconds, memory_mb

_PERSON = "eva"
Bots = list[subprocess.Popen[str]]


class Crowd:
    """People in channels, who ask and see what comes."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession, channels: int) -> None:
        self._sandbox = sandbox
        self._session = session
        self._channels = [f"bench-{number:04d}" for number in range(channels)]
        self._server = self._token(server=True)
        self.asked: dict[str, float] = {}
        self.first: dict[str, float] = {}
        self.final: dict[str, float] = {}
        self.sent_at: dict[str, float] = {}
        self._came = asyncio.Event()

    def _token(self, **claims: Any) -> dict[str, str]:
        token = jwt.encode(claims, self._sandbox.SECRET, algorithm="HS256")
        return {"authorization": token, "stream-auth-type": "jwt"}

    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str], **query: str) -> None:
        query["api_key"] = self._sandbox.KEY
        async with self._session.post(self._sandbox.url + path, params=query, json=body, headers=headers) as reply:
            reply.raise_for_status()

    async def prepare(self) -> None:
        """The person, the bot, the channels."""
        users = {_PERSON: {"id": _PERSON}, "bot": {"id": "bot", "role": "admin"}}
        await self._post("/users", {"users": users}, self._server)
        for channel in self._channels:
            data = {"members": [_PERSON, "bot"], "created_by_id": _PERSON}
            await self._post(f"/channels/messaging/{channel}/query", {"data": data}, self._server)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """See everything while the block runs."""
        own = self._token(user_id=_PERSON)
        hello = json.dumps({"user_id": _PERSON, "user_details": {"id": _PERSON}})
        query = {"api_key": self._sandbox.KEY, **own, "json": hello}
        async with self._session.ws_connect(
            f"{self._sandbox.url}/connect", params=query, max_msg_size=0, heartbeat=None
        ) as socket:
            connection = (await socket.receive_json())["connection_id"]
            for start in range(0, len(self._channels), 30):
                chunk = [f"messaging:{channel}" for channel in self._channels[start : start + 30]]
                body = {"filter_conditions": {"cid": {"$in": chunk}}, "watch": True, "state": True, "limit": 30}
                await self._post("/channels", body, own, connection_id=connection)
            tasks = {asyncio.create_task(self._watch(socket)), asyncio.create_task(stay(socket))}
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    async def _watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            now = time.perf_counter()
            event = json.loads(frame.data)
            for one in event if isinstance(event, list) else [event]:
                self._note(one.get("message") or {}, now)

    def _note(self, message: dict[str, Any], now: float) -> None:
        if not message:
            return
        if message["user"]["id"] == _PERSON:
            self.asked.setdefault(message["id"], now)
            return
        question = message.get("reply_to") or _named(message)
        self.first.setdefault(question, now)
        if message.get("text") and not message.get("generating") and question not in self.final:
            self.final[question] = now
            self._came.set()

    async def ask(self, number: int) -> None:
        """Post one question; channels take turns."""
        name = f"ask-{number}"
        body = {"message": {"id": name, "text": f"question {name}", "user_id": _PERSON}}
        self.sent_at[name] = time.perf_counter()
        channel = self._channels[number % len(self._channels)]
        await self._post(f"/channels/messaging/{channel}/message", body, self._server)

    async def ask_at(self, rate: float, count: int) -> None:
        """Post so many, so many a second."""
        began, tasks = time.perf_counter(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(self.ask(number)))
        await asyncio.gather(*tasks)

    async def ask_all(self, count: int, at_once: int, start: int = 0) -> None:
        """Post so many as fast as the service takes them."""
        numbers: Iterator[int] = iter(range(start, start + count))

        async def some() -> None:
            for number in numbers:
                await self.ask(number)

        await asyncio.gather(*(some() for _ in range(at_once)))

    async def answered(self, count: int, seconds: float) -> None:
        """Return once so many have their reply. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.final) < count:
                self._came.clear()
                await self._came.wait()


def _named(message: dict[str, Any]) -> str:
    """The question of a reply that does not say which: its text does."""
    return str((message.get("text") or "").rpartition(" ")[2])


@asynccontextmanager
async def crowd(sandbox: Sandbox, channels: int) -> AsyncIterator[Crowd]:
    """People in their channels."""
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector) as session:
        people = Crowd(sandbox, session, channels)
        await people.prepare()
        async with people.watching():
            yield people


@contextmanager
def sandbox_process(folder: Path) -> Iterator[Sandbox]:
    """A fresh sandbox without limits."""
    sandbox = Sandbox(folder, data=":memory:")
    sandbox.start()
    try:
        asyncio.run(sandbox.until_ready())
        yield sandbox
    finally:
        sandbox.kill()


@contextmanager
def bots(sandbox: Sandbox, databases: Sequence[str], seconds: float = 0.0) -> Iterator[Bots]:
    """A replica for each database's address, ready."""
    started: Bots = []
    try:
        for database in databases:
            own = [sandbox.url, sandbox.KEY, sandbox.SECRET, database, str(seconds)]
            command = [sys.executable, "-m", "tests.benchmarks.turns_bot", *own]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        for child in started:
            assert child.stdout is not None
            if "ready" not in child.stdout.readline():
                raise RuntimeError("a replica did not start")
        yield started
    finally:
        for child in started:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()


@contextmanager
def bare_loop(sandbox: Sandbox, channels: int) -> Iterator[Bots]:
    """The least that a bot can be, in the same channels."""
    listed = ",".join(f"messaging:bench-{number:04d}" for number in range(channels))
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.bare_loop",
        sandbox.url,
        sandbox.KEY,
        sandbox.SECRET,
        "bot",
        listed,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            assert child.stdout is not None
            if "ready" not in child.stdout.readline():
                raise RuntimeError("the bare loop did not start")
            yield [child]
        finally:
            child.kill()


Arms = dict[str, tuple[str, int]]
ARMS: Arms = {"bare loop": ("", 1), "SQLite": ("sqlite", 1), "Postgres, 2 replicas": ("postgres", 2)}


@contextmanager
def arm(name: str, folder: Path, postgres: Postgres, channels: int) -> Iterator[tuple[Sandbox, Callable[[], Any]]]:
    """A sandbox, and what opens the bots of one arm once the channels are there."""
    kind, replicas = ARMS[name]
    with sandbox_process(folder) as sandbox:
        if not kind:
            yield sandbox, lambda: bare_loop(sandbox, channels)
        else:
            url = postgres.database() if kind == "postgres" else f"sqlite:///{folder / 'engine.db'}"
            yield sandbox, lambda: bots(sandbox, [url] * replicas)


def latency(postgres: Postgres, *, rounds: int = 3) -> None:
    """Print milliseconds from event to first write, of each arm, and what is added to the bare loop's."""
    medians: dict[str, list[float]] = {name: [] for name in ARMS}
    tails: dict[str, list[float]] = {name: [] for name in ARMS}
    for _ in range(rounds):
        for name in ARMS:
            with folder() as own, arm(name, own, postgres, 50) as (sandbox, opened):
                waits = asyncio.run(_latency(sandbox, opened))
            medians[name].append(statistics.median(waits))
            tails[name].append(statistics.quantiles(waits, n=20)[-1])
    bare = statistics.median(medians["bare loop"])
    print(f"latency at 20 messages a second, {rounds} rounds of 240 ({_load()})")
    for name in ARMS:
        middle, tail = statistics.median(medians[name]), statistics.median(tails[name])
        each = " ".join(f"{median:.1f}" for median in medians[name])
        print(
            f"  {name:22} median {middle:6.1f} ms, p95 {tail:6.1f} ms, added {middle - bare:6.1f} ms   (rounds: {each})"
        )


async def _latency(sandbox: Sandbox, opened: Callable[[], Any]) -> list[float]:
    async with crowd(sandbox, 50) as people:
        with opened():
            await people.ask_at(20, 240)
            await people.answered(240, 60)
    names = [f"ask-{number}" for number in range(40, 240)]
    return [(people.first[name] - people.asked[name]) * 1e3 for name in names]


def throughput(postgres: Postgres, *, rounds: int = 3, count: int = 1_500) -> None:
    """Print turns a second of each arm, and what they cost in the bots' processes."""
    print(f"throughput, {rounds} rounds of {count} turns over 300 channels ({_load()})")
    for name in ARMS:
        rates, costs = [], []
        for _ in range(rounds):
            with folder() as own, arm(name, own, postgres, 300) as (sandbox, opened):
                rate, cost = asyncio.run(_throughput(sandbox, opened, count))
            rates.append(rate)
            costs.append(cost)
        each = " ".join(f"{rate:.0f}" for rate in rates)
        cost = statistics.median(costs)
        print(f"  {name:22} {statistics.median(rates):6.0f} a second, {cost:5.1f} ms of processor a turn   ({each})")


async def _throughput(sandbox: Sandbox, opened: Callable[[], Any], count: int) -> tuple[float, float]:
    async with crowd(sandbox, 300) as people:
        with opened() as children:
            before = sum(cpu_seconds(child.pid) for child in children)
            began = time.perf_counter()
            await people.ask_all(count, at_once=40)
            await people.answered(count, 120)
            took = max(people.final.values()) - began
            used = sum(cpu_seconds(child.pid) for child in children) - before
    return count / took, 1e3 * used / count


def flight(_: Postgres) -> None:
    """Print what 1,000 turns at once take in one process."""
    with folder() as own, sandbox_process(own) as sandbox:
        memory, took, waits = asyncio.run(_flight(sandbox, f"sqlite:///{own / 'engine.db'}"))
    print(f"1,000 turns in flight, a model of 5 s, one process on SQLite ({_load()})")
    print(f"  {memory:.0f} MB resident at most; all done {took:.1f} s after the first question was sent;")
    print(f"  each took {statistics.median(waits):.1f} s from its event (median), {max(waits):.1f} s (longest)")


async def _flight(sandbox: Sandbox, database: str) -> tuple[float, float, list[float]]:
    async with crowd(sandbox, 1_000) as people:
        with bots(sandbox, [database], 5.0) as (child,):
            most = 0.0

            async def watch_memory() -> None:
                nonlocal most
                while True:
                    most = max(most, memory_mb(child.pid))
                    await asyncio.sleep(0.1)

            watching = asyncio.create_task(watch_memory())
            began = time.perf_counter()
            await people.ask_all(1_000, at_once=60)
            await people.answered(1_000, 90)
            watching.cancel()
            took = max(people.final.values()) - began
    return most, took, [people.final[name] - people.asked[name] for name in people.final]


def idle(postgres: Postgres, *, seconds: float = 20.0) -> None:
    """Print the share of a processor that real replicas take with nothing to do."""
    for kind in ("sqlite", "postgres"):
        with ExitStack() as stack:
            own = stack.enter_context(folder())
            sandbox = stack.enter_context(sandbox_process(own))
            model = stack.enter_context(model_process(Pace()))
            url = postgres.database() if kind == "postgres" else f"sqlite:///{own / 'engine.db'}"
            shares = asyncio.run(_idle(sandbox, model, url, own, seconds))
        print(
            f"idle on {kind}, 2 replicas: "
            + ", ".join(f"{share:.1f} %" for share in shares)
            + f" of a core ({_load()})"
        )


async def _idle(sandbox: Sandbox, model: str, url: str, own: Path, seconds: float) -> list[float]:
    names = ("one", "two")
    made = [Replica(name, BOT_FOLDER, own, sandbox=sandbox, model=model, database=url) for name in names]
    try:
        for replica in made:
            replica.start()
        for replica in made:
            await replica.until_ready()
        await asyncio.sleep(5)
        before = [cpu_seconds(replica.pid) for replica in made]
        await asyncio.sleep(seconds)
        return [100 * (cpu_seconds(one.pid) - was) / seconds for one, was in zip(made, before, strict=True)]
    finally:
        for replica in made:
            replica.kill()


def memory(_: Postgres, *, count: int = 20_000, step: int = 2_000) -> None:
    """Print the resident memory of one process over 20,000 turns."""
    with folder() as own, sandbox_process(own) as sandbox:
        sizes = asyncio.run(_memory(sandbox, f"sqlite:///{own / 'engine.db'}", count, step))
    print(f"memory over {count:,} turns over 200 channels, MB after each {step:,} ({_load()})")
    print("  " + " ".join(f"{size:.0f}" for size in sizes))


async def _memory(sandbox: Sandbox, database: str, count: int, step: int) -> list[float]:
    async with crowd(sandbox, 200) as people:
        with bots(sandbox, [database]) as (child,):
            sizes = [memory_mb(child.pid)]
            for start in range(0, count, step):
                await people.ask_all(step, at_once=30, start=start)
                await people.answered(start + step, 240)
                sizes.append(memory_mb(child.pid))
    return sizes


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="turns-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"


PARTS: dict[str, Callable[[Postgres], None]] = {
    "latency": latency,
    "throughput": throughput,
    "flight": flight,
    "idle": idle,
    "memory": memory,
}


def main() -> None:
    """Measure and print."""
    wanted = sys.argv[1:] or ["latency", "throughput", "flight", "idle"]
    with Postgres.running(durable=True) as postgres:
        for name in wanted:
            PARTS[name](postgres)


if __name__ == "__main__":
    main()
