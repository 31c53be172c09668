"""Whole turns beside the same calls without an engine, in one run: `python -m tests.benchmarks.ratios [--turns 1500]
[--rounds 3]`.

The model takes no time. Each round has all arms, one after the other, each on a fresh sandbox without limits with 300
channels. Printed are turns a second, the processor of a turn (of the bots, and of everything: bots, sandbox, database
and people), calls of Stream a turn as the sandbox counted them, and all of it as shares of the arm with as many
processes and no engine. On a shared machine trust the processor, and the ratios of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import aiohttp

from tests.benchmarks.crowd import Opened, at_work, bare_twins, bots, crowd, folder, sandbox_process
from tests.support.postgres import Postgres
from tests.support.replicas import Sandbox, cpu_seconds

_CHANNELS = 300
_AT_ONCE = 40


@dataclass(frozen=True)
class Cost:
    """Of one round of an arm: turns a second, milliseconds of processor a turn, calls of Stream a turn."""

    rate: float
    bots: float
    everything: float
    calls: float


@dataclass(frozen=True)
class Arm:
    """What answers. `beside` names the arm whose share is told; `database` is `sqlite`, `postgres` or none."""

    name: str
    processes: int
    database: str = ""
    beside: str = ""


ARMS = (
    Arm("same calls, 1 process", 1),
    Arm("SQLite, 1 process", 1, "sqlite", "same calls, 1 process"),
    Arm("same calls, 2 processes", 2),
    Arm("Postgres, 2 replicas", 2, "postgres", "same calls, 2 processes"),
)


@contextmanager
def _running(arm: Arm, own: Path, postgres: Postgres) -> Iterator[tuple[Sandbox, Opened]]:
    with sandbox_process(own) as sandbox:
        if not arm.database:
            yield sandbox, lambda: bare_twins(sandbox, _CHANNELS, arm.processes)
        else:
            url = postgres.database() if arm.database == "postgres" else f"sqlite:///{own / 'engine.db'}"
            yield sandbox, lambda: bots(sandbox, [url] * arm.processes)


async def _measured(sandbox: Sandbox, opened: Opened, postgres: Postgres, turns: int) -> Cost:
    async with crowd(sandbox, _CHANNELS) as people, at_work(opened) as children:
        own = [child.pid for child in children]
        others = [sandbox.pid, os.getpid(), *postgres.pids]
        calls, bots_before, others_before = await _number(sandbox), _used(own), _used(others)
        began = time.perf_counter()
        await people.ask_all(turns, at_once=_AT_ONCE)
        await people.answered(turns, 600)
        took = max(people.final.values()) - began
        used, beside = _used(own) - bots_before, _used(others) - others_before
        made = await _number(sandbox) - calls - turns  # people's own posts are not the bot's
    return Cost(turns / took, 1e3 * used / turns, 1e3 * (used + beside) / turns, made / turns)


def _used(pids: list[int]) -> float:
    used = 0.0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a connection of the database that ended
            used += cpu_seconds(pid)
    return used


async def _number(sandbox: Sandbox) -> int:
    """How many calls the sandbox has answered."""
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/sandbox/log") as reply:
        calls = (await reply.json())["calls"]
    return int(calls[-1]["number"]) if calls else 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=3)
    options, _ = parser.parse_known_args()  # those of whoever runs all benchmarks are not for this one
    costs: dict[str, list[Cost]] = {arm.name: [] for arm in ARMS}
    with Postgres.running(durable=True) as postgres:
        for _ in range(options.rounds):
            for arm in ARMS:
                with folder() as own, _running(arm, own, postgres) as (sandbox, opened):
                    costs[arm.name].append(asyncio.run(_measured(sandbox, opened, postgres, options.turns)))
    load = f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    print(f"{options.rounds} rounds of {options.turns} turns over {_CHANNELS} channels, medians ({load})")
    print(f"  {'':26}{'turns/s':>9}{'bots, ms':>10}{'all, ms':>9}{'calls':>7}")
    medians = {
        name: Cost(*map(statistics.median, zip(*map(astuple, known), strict=True))) for name, known in costs.items()
    }
    for arm in ARMS:
        cost = medians[arm.name]
        print(
            f"  {arm.name:26}{cost.rate:9.0f}{cost.bots:10.2f}{cost.everything:9.2f}{cost.calls:7.2f}"
            + _share(cost, medians.get(arm.beside))
        )


def _median(costs: list[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*map(astuple, costs), strict=True)))


def _share(cost: Cost, bare: Cost | None) -> str:
    if bare is None:
        return ""
    bots_ratio, all_ratio = cost.bots / bare.bots, cost.everything / bare.everything
    return f"   {cost.rate / bare.rate:.2f} of the rate, bots {bots_ratio:.1f} times, all {all_ratio:.1f} times"


if __name__ == "__main__":
    main()
