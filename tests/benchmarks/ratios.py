"""Whole turns beside the same calls without an engine, in one run: `python -m tests.benchmarks.ratios [--turns 1500]
[--rounds 3]`.

The model takes no time. Each round has all arms, one after the other, each on a fresh sandbox without limits with 300
channels, and with a fresh database or NATS server. Printed are turns a second, the processor of a turn (of the bots,
and of everything: bots, sandbox, database and people), calls of Stream a turn as the sandbox counted them, and all of
it as shares of the arm with as many processes and no engine. On a shared machine trust the processor, and the ratios of
one run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

import aiohttp

from tests.benchmarks.crowd import Opened, at_work, bare_twins, bots, crowd, folder, sandbox_process
from tests.support.nats import Nats
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
    """What answers. `beside` names the arm whose share is told; `journal` says where turns are kept, if they are."""

    name: str
    processes: int
    journal: Literal["", "sqlite", "postgres", "nats", "nats sync"] = ""
    beside: str = ""


ARMS = (
    Arm("same calls, 1 process", 1),
    Arm("SQLite, 1 process", 1, "sqlite", "same calls, 1 process"),
    Arm("same calls, 2 processes", 2),
    Arm("Postgres, 2 replicas", 2, "postgres", "same calls, 2 processes"),
    Arm("NATS, 2 replicas", 2, "nats", "same calls, 2 processes"),
    Arm("NATS, 2 replicas, sync", 2, "nats sync", "same calls, 2 processes"),
)


@dataclass(frozen=True)
class Running:
    """An arm at work. `servers`: the pids of what it keeps its turns in, as they are now."""

    sandbox: Sandbox
    opened: Opened
    servers: Callable[[], list[int]]


@contextmanager
def _running(arm: Arm, own: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        servers: Callable[[], list[int]] = list
        url = f"sqlite:///{own / 'engine.db'}"
        if arm.journal == "postgres":
            postgres = stack.enter_context(Postgres.running(durable=True))
            url, servers = postgres.database(), lambda: postgres.pids
        elif arm.journal in {"nats", "nats sync"}:
            nats = stack.enter_context(Nats.running(sync="always" if arm.journal == "nats sync" else "2m"))
            url, servers = nats.journal(), lambda: nats.pids
        sandbox = stack.enter_context(sandbox_process(own))
        if arm.journal:
            yield Running(sandbox, lambda: bots(sandbox, [url] * arm.processes), servers)
        else:
            yield Running(sandbox, lambda: bare_twins(sandbox, _CHANNELS, arm.processes), servers)


async def _measured(running: Running, turns: int) -> Cost:
    sandbox = running.sandbox
    async with crowd(sandbox, _CHANNELS) as people, at_work(running.opened) as children:
        own = [child.pid for child in children]
        others = [sandbox.pid, os.getpid(), *running.servers()]
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
    for _ in range(options.rounds):
        for arm in ARMS:
            with folder() as own, _running(arm, own) as running:
                costs[arm.name].append(asyncio.run(_measured(running, options.turns)))
    load = f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    print(f"{options.rounds} rounds of {options.turns} turns over {_CHANNELS} channels, medians ({load})")
    print(f"  {'':26}{'turns/s':>9}{'bots, ms':>10}{'all, ms':>9}{'calls':>7}")
    medians = {name: _median(known) for name, known in costs.items()}
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
