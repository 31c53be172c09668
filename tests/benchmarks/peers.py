"""Beside a bot as the samples build it, in the same run: `python -m tests.benchmarks.peers`.

The same sandbox, the same scripted model (0.3 to 1 s, streamed), the same people: a burst of 100 messages in one
channel, and 1,000 messages over 200 channels within half a minute. Told by the channels: answered, lost, doubled. Told
by a watcher of all channels: from the question's event to the first text and to the final one. Without the service's
limits, and under them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from rich.console import Console
from rich.table import Table

from tests.benchmarks.peer_bot import READY, bot_of
from tests.chaos.app import BOT, PERSON, App, open_app
from tests.chaos.plan import Question
from tests.chaos.verdict import Evidence, Verdict, complete, judge
from tests.chaos.world import BOT_FOLDER
from tests.support.model_server import Pace, model_process
from tests.support.ports import free_port
from tests.support.replicas import ROOT, Replica, Sandbox

PACE = Pace(0.3, 1.0)
_PEOPLE = 40
_EVENTS = ["message.new"]


@dataclass(frozen=True)
class Load:
    """So many messages over so many channels, within so many seconds."""

    name: str
    messages: int
    channels: int
    seconds: float

    def planned(self) -> dict[str, list[Question]]:
        """The questions by channel."""
        chance = random.Random(self.name)
        asked: dict[str, list[Question]] = {f"support-{number:03d}": [] for number in range(self.channels)}
        for number, at in enumerate(sorted(chance.uniform(0, self.seconds) for _ in range(self.messages))):
            channel = f"support-{number % self.channels:03d}"
            marker = f"c{number % self.channels:03d}-{len(asked[channel]):03d}"
            asked[channel].append(Question(channel, marker, noting=False, at=at))
        return asked


LOADS = (Load("burst of 100 in one channel", 100, 1, 2.0), Load("1,000 over 200 channels", 1_000, 200, 30.0))


@dataclass
class Watcher:
    """Somebody who sees all channels. Moments by the marker of the question."""

    asked: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    final: dict[str, float] = field(default_factory=dict)

    async def watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Note what comes, until cancelled."""
        async for frame in socket:
            now = time.perf_counter()
            event = json.loads(frame.data)
            message = event.get("message") if isinstance(event, dict) else None
            if message:
                self._note(message, now)

    def _note(self, message: Mapping[str, Any], now: float) -> None:
        if message["user"]["id"].startswith(PERSON):
            self.asked.setdefault(message["id"].rpartition("-c")[2], now)
            return
        text = message.get("text") or ""
        if text.startswith("About c"):
            marker = text[len("About c") :].partition(":")[0]
            self.first.setdefault(marker, now)
            if not message.get("generating"):
                self.final.setdefault(marker, now)

    def waits(self, moments: Mapping[str, float]) -> list[float]:
        """Seconds from each question's event."""
        return [moment - self.asked[marker] for marker, moment in moments.items() if marker in self.asked]


@dataclass
class Result:
    """What one bot did with one load."""

    bot: str
    load: Load
    limits: bool
    verdict: Verdict
    watcher: Watcher
    seconds: float


async def measure(bot: str, load: Load, *, limits: bool) -> Result:
    """Run one bot on a fresh sandbox and ask."""
    planned = load.planned()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True)))
        sandbox = Sandbox(folder, rate_limits=limits, data=":memory:")
        stack.callback(sandbox.kill)
        sandbox.start()
        await sandbox.until_ready()
        model = stack.enter_context(model_process(PACE))
        people = await stack.enter_async_context(open_app(sandbox))
        bots = [BOT] if bot == "ours" else [bot_of(channel) for channel in planned]
        await prepare(people, list(planned), bots)
        await stack.enter_async_context(_ours(sandbox, model, folder) if bot == "ours" else _peer(sandbox, model))
        port = _PORTS[bot]
        path = "/webhooks/stream" if bot == "ours" else "/new-message"
        hook = {"hook_type": "webhook", "enabled": True, "webhook_url": f"http://127.0.0.1:{port}{path}"}
        await people.call("PATCH", "/app", {"event_hooks": [{**hook, "event_types": _EVENTS}]})
        watcher = await stack.enter_async_context(watching(sandbox, list(planned)))
        began = time.monotonic()
        await asyncio.gather(*(_ask(sandbox, asked) for asked in planned.values()))
        await _settled(people, planned, watcher, patience=240)
        seconds = time.monotonic() - began
        await asyncio.sleep(2)
        channels = await people.messages(list(planned))
        return Result(bot, load, limits, judge(planned, channels, Evidence(folder / "none")), watcher, seconds)


_PORTS: dict[str, int] = {}


async def prepare(people: App, channels: Sequence[str], bots: Sequence[str]) -> None:
    """Forty people, the bots, the channels."""
    persons = [PERSON, *(f"{PERSON}-{number}" for number in range(_PEOPLE))]
    users = {**{name: {"id": name} for name in persons}, **{name: {"id": name, "role": "admin"} for name in bots}}
    names = list(users)
    for start in range(0, len(names), 100):
        await people.call("POST", "/users", {"users": {name: users[name] for name in names[start : start + 100]}})
    for number, channel in enumerate(channels):
        own = [bots[0]] if len(bots) == 1 else [bots[number]]
        data = {"members": [*persons, *own], "created_by_id": PERSON}
        await people.call("POST", f"/channels/messaging/{channel}/query", {"data": data})


@asynccontextmanager
async def _ours(sandbox: Sandbox, model: str, folder: Path) -> AsyncIterator[None]:
    replica = Replica(
        "ours",
        BOT_FOLDER,
        folder,
        sandbox=sandbox,
        model=model,
        database=f"sqlite:///{folder / 'engine.db'}",
        ingress="webhook",
        environment={"CHAOS_EFFECTS": str(folder / "effects"), "FRAMEWORK_RELOAD": "off"},
    )
    assert replica.webhook is not None
    _PORTS["ours"] = replica.webhook
    replica.start()
    try:
        await replica.until_ready()
        yield
    finally:
        replica.kill()


@asynccontextmanager
async def _peer(sandbox: Sandbox, model: str) -> AsyncIterator[None]:
    _PORTS["peer"] = free_port()
    environment = {
        "STREAM_API_KEY": sandbox.KEY,
        "STREAM_API_SECRET": sandbox.SECRET,
        "STREAM_BASE_URL": sandbox.url,
        "OPENAI_BASE_URL": f"{model}/v1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.benchmarks.peer_bot", str(_PORTS["peer"])]
    child = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert child.stdout is not None
        if READY not in (await child.stdout.readline()).decode():
            raise RuntimeError("the peer did not start")
        yield
    finally:
        child.kill()
        await child.wait()


@asynccontextmanager
async def watching(sandbox: Sandbox, channels: Sequence[str]) -> AsyncIterator[Watcher]:
    """A person with a WebSocket who watches every channel."""
    token = jwt.encode({"user_id": PERSON}, sandbox.SECRET, algorithm="HS256")
    asking = {"authorization": token, "stream-auth-type": "jwt"}
    query = {"api_key": sandbox.KEY, **asking}
    hello = json.dumps({"user_id": PERSON, "user_details": {"id": PERSON}})
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{sandbox.url}/connect", params={**query, "json": hello}, max_msg_size=0) as socket,
    ):
        connection = (await socket.receive_json())["connection_id"]
        for start in range(0, len(channels), 30):
            chunk = [f"messaging:{channel}" for channel in channels[start : start + 30]]
            body = {"filter_conditions": {"cid": {"$in": chunk}}, "watch": True, "state": True, "limit": 30}
            parameters = {"api_key": sandbox.KEY, "connection_id": connection}
            async with session.post(f"{sandbox.url}/channels", params=parameters, json=body, headers=asking) as reply:
                reply.raise_for_status()
        watcher = Watcher()
        tasks = {asyncio.create_task(watcher.watch(socket)), asyncio.create_task(stay(socket))}
        try:
            yield watcher
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def stay(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Say that the client lives, as the service expects it of every client."""
    while True:
        await asyncio.sleep(20)
        await socket.send_json([{"type": "health.check"}])


async def _ask(sandbox: Sandbox, asked: Sequence[Question]) -> None:
    """One channel's questions, each by another person from a web page; limits of theirs are waited for."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        for number, question in enumerate(asked):
            await asyncio.sleep(max(0.0, question.at - (time.monotonic() - began)))
            user = f"{PERSON}-{(number + int(question.channel[-3:])) % _PEOPLE}"
            token = jwt.encode({"user_id": user}, sandbox.SECRET, algorithm="HS256")
            headers = {"authorization": token, "stream-auth-type": "jwt", "x-stream-client": "stream-chat-react"}
            url = f"{sandbox.url}/channels/messaging/{question.channel}/message"
            body = {"message": {"id": question.id, "text": question.text}}
            while True:
                async with session.post(url, params={"api_key": sandbox.KEY}, json=body, headers=headers) as reply:
                    if reply.status != 429:
                        reply.raise_for_status()
                        break
                await asyncio.sleep(0.5)


async def _settled(
    people: App, planned: Mapping[str, Sequence[Question]], watcher: Watcher, *, patience: float
) -> None:
    """Return once all is answered, or nothing was for 15 seconds, or patience (seconds) ends."""
    deadline, answered, since = time.monotonic() + patience, 0, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < 15:
        if len(watcher.final) > answered:
            answered, since = len(watcher.final), time.monotonic()
        if answered == sum(map(len, planned.values())):
            done = complete(planned, await people.messages(list(planned)))
            if len(done) == len(planned):
                return
        await asyncio.sleep(0.5)


def show(results: Sequence[Result]) -> None:
    """Print the figures side by side."""
    console = Console()
    console = Console(width=max(120, console.width))
    load = os.getloadavg()[0]
    table = Table(
        title=f"Beside a sample's bot (load average {load:.1f}, {os.cpu_count()} cores)", title_justify="left"
    )
    for heading in ("load", "limits", "bot"):
        table.add_column(heading)
    for heading in ("answered", "lost", "doubled", "unfinished", "first text s", "final text s", "all in s"):
        table.add_column(heading, justify="right")
    for result in results:
        verdict, watcher = result.verdict, result.watcher
        unfinished = len(verdict.unfinished) + len(verdict.wrong) + len(verdict.strays)
        counts = (verdict.replied, len(verdict.lost), len(verdict.doubled), unfinished)
        times = (_figures(watcher.waits(watcher.first)), _figures(watcher.waits(watcher.final)))
        limits = "1,000 a minute" if result.limits else "off"
        table.add_row(result.load.name, limits, result.bot, *map(str, counts), *times, f"{result.seconds:.0f}")
    console.print(table)
    console.print("First and final text: from the question's event, of those that were answered, median / p95.")


def _figures(waits: Sequence[float]) -> str:
    if len(waits) < 2:
        return "-"
    return f"{statistics.median(waits):.1f} / {statistics.quantiles(waits, n=20)[-1]:.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--limits", choices=("off", "on", "both"), default="both")
    parser.add_argument("--load", type=int, choices=range(len(LOADS)), help="only this one")
    options = parser.parse_args()
    results = []
    for load in LOADS if options.load is None else [LOADS[options.load]]:
        for limits in {"off": (False,), "on": (True,), "both": (False, True)}[options.limits]:
            results += [asyncio.run(measure(bot, load, limits=limits)) for bot in ("peer", "ours")]
    show(results)


if __name__ == "__main__":
    main()
