"""What it costs to be watched: `python -m tests.benchmarks.operate [cost] [probes] [series]`.

cost: turns a second, processor a turn and time to the first text, without metrics and history, with both, and with
traces that are thrown away as well, one after the other in each round. probes: `/livez`, `/readyz` and `/metrics`
while 1,000 turns begin, and while all of them wait for their model. series: how many there are after turns in 10,000
channels. The report over 100,000 turns has its figures in docs/operate.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from framework.insight.meters import TurnCount
from framework.insight.metrics import Metrics
from tests.benchmarks.crowd import Bots, at_work, crowd, folder, sandbox_process
from tests.support.ports import free_port
from tests.support.replicas import Sandbox, cpu_seconds

ROUNDS, TURNS, CHANNELS = 3, 600, 200
PROBES = ("livez", "readyz", "metrics")


@contextmanager
def replica(sandbox: Sandbox, own: Path, seconds: float, admin: str, *, traced: bool) -> Iterator[Bots]:
    """One replica, ready. `admin` is `off` or an address: then it is watched."""
    given = [sandbox.url, sandbox.KEY, sandbox.SECRET, f"sqlite:///{own / 'engine.db'}", str(seconds), admin]
    given.append("traced" if traced else "")
    command = [sys.executable, "-m", "tests.benchmarks.operate_bot", *given]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert child.stdout is not None
        if "ready" not in child.stdout.readline():
            raise RuntimeError("the replica did not start")
        yield [child]
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def load() -> str:
    """How busy the machine is."""
    return f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"


def cost() -> None:
    """Print both arms, and what being watched costs."""
    arms: dict[str, list[tuple[float, float, float]]] = {"bare": [], "counted": [], "traced too": []}
    for number in range(ROUNDS):
        for name in sorted(arms, reverse=bool(number % 2)):
            with folder() as own, sandbox_process(own) as sandbox:
                arms[name].append(
                    asyncio.run(_turns(sandbox, own, watched=name != "bare", traced=name == "traced too"))
                )
    print(f"cost of metrics, history and discarded traces, {ROUNDS} rounds of {TURNS} turns in turn ({load()})")
    middle = {name: [statistics.median(part) for part in zip(*rounds, strict=True)] for name, rounds in arms.items()}
    for name, (rate, used, first) in middle.items():
        each = " ".join(f"{one[0]:.0f}" for one in arms[name])
        print(
            f"  {name:8} {rate:6.0f} turns a second, {used:5.2f} ms of processor, first text {first:5.1f} ms ({each})"
        )
    bare = middle["bare"]
    for name in ("counted", "traced too"):
        rate, used, first = middle[name]
        fewer, more, later = 100 * (1 - rate / bare[0]), 100 * (used / bare[1] - 1), first - bare[2]
        print(f"  {name}: {fewer:.1f} % fewer turns (5 allowed), {more:+.1f} % processor, {later:+.2f} ms (1 allowed)")


async def _turns(sandbox: Sandbox, own: Path, *, watched: bool, traced: bool) -> tuple[float, float, float]:
    """Turns a second, milliseconds of processor a turn, and milliseconds to the first text at 20 messages a second."""
    admin = f"127.0.0.1:{free_port()}" if watched else "off"
    async with (
        crowd(sandbox, CHANNELS) as people,
        at_work(lambda: replica(sandbox, own, 0.0, admin, traced=traced)) as (child,),
    ):
        await people.ask_at(20, 100)
        await people.answered(100, 60)
        names = [f"ask-{number}" for number in range(20, 100)]
        first = statistics.median((people.first[name] - people.asked[name]) * 1e3 for name in names)
        before, began = cpu_seconds(child.pid), time.perf_counter()
        await people.ask_all(TURNS, at_once=40, start=100)
        await people.answered(TURNS + 100, 120)
        took = max(people.final.values()) - began
        return TURNS / took, 1e3 * (cpu_seconds(child.pid) - before) / TURNS, first


def probes() -> None:
    """Print how fast probes answer while 1,000 turns begin, and while they wait for their model."""
    with folder() as own, sandbox_process(own) as sandbox:
        phases = asyncio.run(_probes(sandbox, own))
    for phase, waits in phases.items():
        print(f"probes while 1,000 turns {phase} ({load()})")
        for name, limit in zip(PROBES, (20, 20, 50), strict=True):
            p50, p99 = statistics.median(waits[name]), statistics.quantiles(waits[name], n=100)[-1]
            print(f"  /{name:8} median {p50:5.1f} ms, p99 {p99:6.1f} ms ({limit} allowed), {len(waits[name])} calls")


async def _probes(sandbox: Sandbox, own: Path) -> dict[str, dict[str, list[float]]]:
    admin = f"127.0.0.1:{free_port()}"
    phases: dict[str, dict[str, list[float]]] = {
        phase: {name: [] for name in PROBES} for phase in ("begin", "are under way")
    }
    async with (
        crowd(sandbox, 1_000) as people,
        at_work(lambda: replica(sandbox, own, 30.0, admin, traced=True)),
        aiohttp.ClientSession(f"http://{admin}") as session,
    ):
        asking = asyncio.create_task(people.ask_all(1_000, at_once=60))
        phase, left = "begin", 150
        while left:
            if await _probed(session, phases[phase]) >= 1_000:
                phase = "are under way"
            left -= phase != "begin"
            await asyncio.sleep(0.02)
        await asking
    return phases


async def _probed(session: aiohttp.ClientSession, waits: dict[str, list[float]]) -> int:
    """Ask each once, and return how many turns run."""
    running = 0
    for name in PROBES:
        began = time.perf_counter()
        async with session.get(f"/{name}") as answer:
            said = await answer.read()
        waits[name].append((time.perf_counter() - began) * 1e3)
        if name == "readyz":
            running = int(json.loads(said).get("turns", {}).get("running", 0))
    return running


def series() -> None:
    """Print how many series there are after turns in 10,000 channels, with names that a model makes up."""
    metrics = Metrics()
    for number in range(10_000):
        tools = ((f"tool_{number}", True),)
        metrics.turn(TurnCount("bench", "answered", "none", 0.1, 0.2, f"model-{number % 90}", 10, 10, 0.1, tools))
    began = time.perf_counter()
    text = metrics.text()
    took = (time.perf_counter() - began) * 1e3
    count = sum(not line.startswith("#") for line in text.decode().splitlines())
    print(f"series after 10,000 channels: {count} (2,000 are allowed), written in {took:.1f} ms ({load()})")


def main() -> None:
    """Measure what the command line names, or all."""
    parts = {"cost": cost, "probes": probes, "series": series}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
