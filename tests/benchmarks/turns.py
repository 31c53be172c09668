"""Speed of whole turns, with a model that takes no time, beside a bare loop in the same run:
`python -m tests.benchmarks.turns [latency] [throughput] [flight] [idle] [memory]` (the last one takes minutes).

latency: from the question's event to the bot's first write, both as a watcher of the channels sees them, at 20 messages
a second. throughput: turns a second from the first question to the last reply. flight: 1,000 turns with a model of 5 s
at once in one process. idle: the processor of a real replica with nothing to do. memory: over 20,000 turns. Bot,
watcher and sandbox are each a process; the sandbox's limits are off.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.crowd import Opened, at_work, bare_loop, bots, crowd, folder, sandbox_process
from tests.chaos.world import BOT_FOLDER
from tests.support.model_server import Pace, model_process
from tests.support.postgres import Postgres
from tests.support.replicas import Replica, Sandbox, cpu_seconds, memory_mb

FLAT = 0.5
"""MB for each 1,000 turns that pass as noise. What is remembered is bounded, and full long before the second half."""

Arms = dict[str, tuple[str, int]]
ARMS: Arms = {"bare loop": ("", 1), "SQLite": ("sqlite", 1), "Postgres, 2 replicas": ("postgres", 2)}


@contextmanager
def arm(name: str, folder: Path, postgres: Postgres, channels: int) -> Iterator[tuple[Sandbox, Opened]]:
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


async def _latency(sandbox: Sandbox, opened: Opened) -> list[float]:
    async with crowd(sandbox, 50) as people, at_work(opened):
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


async def _throughput(sandbox: Sandbox, opened: Opened, count: int) -> tuple[float, float]:
    async with crowd(sandbox, 300) as people, at_work(opened) as children:
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
    async with crowd(sandbox, 1_000) as people, at_work(lambda: bots(sandbox, [database], 5.0)) as (child,):
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


def memory(_: Postgres, *, count: int = 20_000, step: int = 1_000) -> None:
    """Print the resident memory of one process over 20,000 turns, and whether it still grows in the second half."""
    with folder() as own, sandbox_process(own) as sandbox:
        sizes = asyncio.run(_memory(sandbox, f"sqlite:///{own / 'engine.db'}", count, step))
    half = sizes[len(sizes) // 2 :]
    slope = statistics.linear_regression(range(len(half)), half).slope * 1_000 / step
    verdict = "flat" if slope <= FLAT else "IT GROWS"
    print(f"memory over {count:,} turns over 200 channels, MB after each {step:,} ({_load()})")
    print("  " + " ".join(f"{size:.0f}" for size in sizes))
    print(f"  {verdict}: {slope:+.2f} MB for each 1,000 turns in the second half ({FLAT} are allowed)")


async def _memory(sandbox: Sandbox, database: str, count: int, step: int) -> list[float]:
    async with crowd(sandbox, 200) as people, at_work(lambda: bots(sandbox, [database])) as (child,):
        sizes = [memory_mb(child.pid)]
        for start in range(0, count, step):
            await people.ask_all(step, at_once=30, start=start)
            await people.answered(start + step, 600)
            sizes.append(memory_mb(child.pid))
    return sizes


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
