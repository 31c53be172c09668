"""Figures of the durable engine, beside a bare asyncio loop in the same run: `python -m tests.benchmarks.engine`.

Options: `sqlite` or `postgres` alone. Every figure is taken in processes of its own, with real syncs of the disk.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framework.engine.durable import DurableEngine
from framework.engine.opening import open_engine
from framework.engine.port import Done, Execution, Job, JobResult
from tests.support.postgres import Postgres

JOBS = 3_000
LANES = 300
PAYLOAD = {"trigger": {"text": "How do I reset my password? " * 8}, "bot": "support"}


def _job(n: int, lanes: int = LANES) -> Job:
    return Job(f"job-{n:08d}", f"messaging:{n % lanes}", f"{n:020d}", PAYLOAD)


async def _three_steps(job: Job, execution: Execution) -> JobResult:
    for step in ("context", "model", "delivery"):
        await execution.save(step, {"text": "An answer of a few words. " * 8})
    return Done("replied")


async def bare_loop() -> float:
    """Jobs a second where nothing is kept: a task each, three turns of the loop."""

    async def handler(lock: asyncio.Semaphore) -> None:
        async with lock:
            for _ in range(3):
                json.dumps(PAYLOAD)
                await asyncio.sleep(0)

    lock = asyncio.Semaphore(128)
    began = time.perf_counter()
    await asyncio.gather(*(handler(lock) for _ in range(JOBS)))
    return JOBS / (time.perf_counter() - began)


async def throughput(url: str) -> float:
    """Jobs a second, each accepted, executed with three saved steps and settled."""
    engine = await asyncio.to_thread(open_engine, url, concurrency=128)
    await engine.start(_three_steps)
    began = time.perf_counter()
    room = asyncio.Semaphore(256)

    async def send(n: int) -> None:
        async with room:
            await engine.enqueue(_job(n))

    await asyncio.gather(*(send(n) for n in range(JOBS)))
    await engine.settled()
    rate = JOBS / (time.perf_counter() - began)
    await engine.close()
    return rate


async def latency(url: str, elsewhere: str) -> list[float]:
    """Milliseconds from before `enqueue` to the handler's first line, at 20 a second.

    `elsewhere`: a file where another process, which executes, writes when it started; here nothing is executed then.
    """
    engine = await asyncio.to_thread(open_engine, url, concurrency=64)
    began: dict[str, float] = {}
    started: dict[str, float] = {}

    async def handler(job: Job, execution: Execution) -> JobResult:
        started[job.key] = time.monotonic()
        return await _three_steps(job, execution)

    if not elsewhere:
        await engine.start(handler)
    for n in range(200):
        began[_job(n).key] = time.monotonic()
        await engine.enqueue(_job(n))
        await asyncio.sleep(0.05)
    await engine.settled()
    await engine.close()
    if elsewhere:
        started = await asyncio.to_thread(_starts, Path(elsewhere))
    return [(started[key] - began[key]) * 1e3 for key in began]


async def executor(url: str, file: str, ready: Any, stop: Any) -> None:
    """The other replica of `latency`: executes, and writes down when."""
    engine = await asyncio.to_thread(open_engine, url, concurrency=64)
    out = os.open(file, os.O_WRONLY | os.O_CREAT)

    async def handler(job: Job, execution: Execution) -> JobResult:
        os.write(out, f"{job.key} {time.monotonic()}\n".encode())
        return await _three_steps(job, execution)

    await engine.start(handler)
    ready.set()
    await asyncio.to_thread(stop.wait)
    await engine.close()
    os.close(out)


def _starts(file: Path) -> dict[str, float]:
    lines = (line.split() for line in file.read_text(encoding="ascii").splitlines())
    return {key: float(moment) for key, moment in lines}


async def sleepers(url: str) -> tuple[float, float, int, float]:
    """1,000 jobs that wait for 5 s at once: MB more than before, MB in all, threads, seconds until all are settled."""
    engine = await asyncio.to_thread(open_engine, url, concurrency=1_000)
    before = _memory()

    async def handler(job: Job, execution: Execution) -> JobResult:
        await execution.save("context", {"n": 1})
        await asyncio.sleep(5)
        return Done()

    await engine.start(handler)
    began = time.perf_counter()
    await asyncio.gather(*(engine.enqueue(_job(n, 1_000)) for n in range(1_000)))
    await asyncio.sleep(3)
    memory, threads = _memory(), threading.active_count()
    await engine.settled()
    seconds = time.perf_counter() - began
    await engine.close()
    return memory - before, memory, threads, seconds


async def idle(url: str) -> float:
    """Share of a processor that a replica with nothing to do takes, in percent."""
    engine = await asyncio.to_thread(open_engine, url)
    await engine.start(_three_steps)
    await asyncio.sleep(1)
    before, began = _cpu(), time.perf_counter()
    await asyncio.sleep(10)
    share = 100 * (_cpu() - before) / (time.perf_counter() - began)
    await engine.close()
    return share


def opening(url: str) -> float:
    """Seconds to import what is needed and join a database that exists."""
    began = time.perf_counter()
    engine: DurableEngine = open_engine(url)
    seconds = time.perf_counter() - began
    asyncio.run(engine.close())
    return seconds


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _run(measure: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> Any:
    async def call() -> Any:
        return await measure(*arguments)

    return asyncio.run(call())


def _alone(measure: Callable[..., Any], *arguments: Any) -> Any:
    """In a fresh process, so that no figure carries another's memory or warmth."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        if asyncio.iscoroutinefunction(measure):
            return pool.submit(_run, measure, arguments).result()
        return pool.submit(measure, *arguments).result()


def _two_replicas(url: str, folder: Path) -> list[float]:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    file = folder / f"starts-{time.monotonic_ns()}"
    other = context.Process(target=_run, args=(executor, (url, str(file), ready, stop)))
    other.start()
    ready.wait()
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            found: list[float] = pool.submit(_run, latency, (url, str(file))).result()
            return found
        finally:
            stop.set()
            other.join()


def _spread(milliseconds: list[float]) -> str:
    cuts = statistics.quantiles(milliseconds, n=20)
    return f"{statistics.median(milliseconds):.1f} / {cuts[18]:.1f}"


@contextmanager
def _addresses(kinds: list[str], folder: Path) -> Iterator[list[tuple[str, Callable[[], str]]]]:
    found: list[tuple[str, Callable[[], str]]] = []
    if "sqlite" in kinds:
        found.append(("sqlite", lambda: f"sqlite:///{folder}/{time.monotonic_ns()}.sqlite"))
    if "postgres" not in kinds:
        yield found
        return
    with Postgres.running(durable=True) as server:
        yield [*found, ("postgres", server.database)]


def main(kinds: list[str]) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name, _addresses(kinds, Path(name)) as addresses:
        print(f"bare loop                          {_alone(bare_loop):10.0f} jobs/s")
        for kind, new in addresses:
            print(kind)
            print(f"  3 saved steps                    {_alone(throughput, new()):10.0f} jobs/s", flush=True)
            print(f"  accept to start, ms, p50 / p95   {_spread(_alone(latency, new(), '')):>14}", flush=True)
            print(f"  the same in another replica      {_spread(_two_replicas(new(), Path(name))):>14}", flush=True)
            more, memory, threads, seconds = _alone(sleepers, new())
            print(
                f"  1,000 jobs waiting               +{more:.0f} MB ({memory:.0f}), {threads} threads, {seconds:.1f} s"
            )
            print(f"  idle                             {_alone(idle, new()):10.2f} % of a processor", flush=True)
            url = new()
            _alone(opening, url)
            print(f"  import and open                  {_alone(opening, url):10.2f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["sqlite", "postgres"])
