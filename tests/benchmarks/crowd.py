"""People in channels of a sandbox without limits, and the bots that answer them, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt

from tests.benchmarks.peers import stay
from tests.support.replicas import Sandbox

_PERSON = "eva"
_USERS_AT_ONCE = 100
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
        self._done: dict[str, asyncio.Event] = {}

    def _token(self, **claims: Any) -> dict[str, str]:
        token = jwt.encode(claims, self._sandbox.SECRET, algorithm="HS256")
        return {"authorization": token, "stream-auth-type": "jwt"}

    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str], **query: str) -> None:
        query["api_key"] = self._sandbox.KEY
        async with self._session.post(self._sandbox.url + path, params=query, json=body, headers=headers) as reply:
            reply.raise_for_status()

    async def prepare(self) -> None:
        """Who asks and who watches, the bot, the channels."""
        users = [{"id": _PERSON}, {"id": "bot", "role": "admin"}, *({"id": _asker(one)} for one in self._channels)]
        for start in range(0, len(users), _USERS_AT_ONCE):
            chunk = {user["id"]: user for user in users[start : start + _USERS_AT_ONCE]}
            await self._post("/users", {"users": chunk}, self._server)
        for channel in self._channels:
            data = {"members": [_PERSON, _asker(channel), "bot"], "created_by_id": _PERSON}
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
        if message["user"]["id"] != "bot":
            self.asked.setdefault(message["id"], now)
            return
        question = message.get("reply_to") or _named(message)
        self.first.setdefault(question, now)
        if message.get("text") and not message.get("generating") and question not in self.final:
            self.final[question] = now
            self._done.setdefault(question, asyncio.Event()).set()
            self._came.set()

    async def ask(self, number: int) -> None:
        """Post one question; channels take turns."""
        name = f"ask-{number}"
        channel = self._channels[number % len(self._channels)]
        body = {"message": {"id": name, "text": f"question {name}", "user_id": _asker(channel)}}
        self.sent_at[name] = time.perf_counter()
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

    async def answer_to(self, name: str, seconds: float) -> None:
        """Return once this question has its final reply. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self._done.setdefault(name, asyncio.Event()).wait()

    async def answered(self, count: int, seconds: float) -> None:
        """Return once so many have their reply. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.final) < count:
                self._came.clear()
                await self._came.wait()


def _asker(channel: str) -> str:
    """Who asks in a channel: nobody asks more than a person may, however many questions there are."""
    return f"asker-{channel}"


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


@contextmanager
def bare_twins(sandbox: Sandbox, channels: int, processes: int) -> Iterator[Bots]:
    """The same calls as a bot makes for an instant answer, by so many processes without an engine."""
    listed = ",".join(f"messaging:bench-{number:04d}" for number in range(channels))
    own = [sandbox.url, sandbox.KEY, sandbox.SECRET, "bot", listed]
    started: Bots = []
    try:
        for mine in range(processes):
            command = [sys.executable, "-m", "tests.benchmarks.bare_twin", *own, str(mine), str(processes)]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        for child in started:
            assert child.stdout is not None
            if "ready" not in child.stdout.readline():
                raise RuntimeError("a bare process did not start")
        yield started
    finally:
        for child in started:
            child.kill()
            child.wait()


Opened = Callable[[], AbstractContextManager[Bots]]
"""Opens the bots of a measurement."""


@asynccontextmanager
async def at_work(opened: Opened) -> AsyncIterator[Bots]:
    """The bots, once they are ready; meanwhile the people's connection lives on."""
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, opened())


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="turns-", ignore_cleanup_errors=True) as name:
        yield Path(name)
