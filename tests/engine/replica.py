"""A replica in a process of its own, for tests that kill it: `python -m tests.engine.replica OPTIONS` (JSON).

What it does is written to a journal, a line each: `start`, `step`, `post` (the effect that others see), `fenced`,
`cancelled`, `settle`, followed by key, attempt and crashes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from framework.engine.liveness import Rhythm
from framework.engine.opening import open_engine
from framework.engine.port import DeadLetter, Done, Execution, FencedError, Handler, Job, JobResult
from tests.support.log import whole_lines

# Who is killed is known by its lock within moments; who is slow, on a busy machine, is not taken for dead.
QUICK = Rhythm(beat=0.2, lease=60.0, grace=0.6, poll=0.05, safety=1.0, enqueue=30.0)
SHORT_LEASE = 1.5
"""For those who are frozen."""
POISON = "poison"
"""The key of a job that ends its process."""


@dataclass(frozen=True)
class Options:
    """`work`: seconds in each of two steps. `gate`: a file until whose making the second step does not end. `keys`: to
    accept, printing each once it is kept; no handler then. `give_up`: after so many deaths of its process a job is
    not tried again (0: never).
    """

    url: str
    journal: str
    name: str = ""
    work: float = 0.01
    gate: str = ""
    keys: int = 0
    concurrency: int = 8
    lease: float = QUICK.lease
    give_up: int = 0


@dataclass(frozen=True)
class Entry:
    what: str
    key: str
    attempt: int
    crashes: int
    replica: str


class Journal:
    """Lines that survive their writer: each is one write to the end of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, what: str, job: Job, execution: Execution, replica: str) -> None:
        line = json.dumps([what, job.key, execution.attempt, execution.crashes, replica]) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def entries(self, what: str | None = None) -> list[Entry]:
        if not self._path.exists():
            return []
        found = [Entry(*json.loads(line)) for line in whole_lines(self._path)]
        return [entry for entry in found if what in {None, entry.what}]


def handler_of(journal: Journal, replica: str, work: float, gate: Path | None = None, *, give_up: int = 0) -> Handler:
    async def handler(job: Job, execution: Execution) -> JobResult:
        journal.note("start", job, execution, replica)
        if give_up and execution.crashes >= give_up:
            journal.note("give up", job, execution, replica)
            journal.note("settle", job, execution, replica)
            return DeadLetter("given up")
        if job.key == POISON:
            await asyncio.sleep(work / 2)
            os._exit(1)
        try:
            for step in ("context", "model"):
                if execution.saved(step) is None:
                    journal.note(f"step {step}", job, execution, replica)
                    await asyncio.sleep(work)
                    if step == "model" and gate is not None:
                        while not await asyncio.to_thread(gate.exists):
                            await asyncio.sleep(0.01)
                    await execution.save(step, {"by": replica})
            await execution.check()
            journal.note("post", job, execution, replica)
        except FencedError:
            journal.note("fenced", job, execution, replica)
            raise
        except asyncio.CancelledError:
            journal.note("cancelled", job, execution, replica)
            raise
        journal.note("settle", job, execution, replica)
        return Done("replied")

    return handler


class Child:
    """The process, seen from a test."""

    def __init__(self, options: Options) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.replica", json.dumps(asdict(options))],
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ready(self) -> Child:
        assert self.line() == "ready"
        return self

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> list[str]:
        """Signal it and wait for the end; returns what else it printed."""
        assert self._process.stdout is not None
        self._process.send_signal(number)
        rest = self._process.stdout.read()  # not by communicate(), which overlooks what readline() has read ahead
        self._process.stdout.close()
        self._process.wait()
        return rest.splitlines()

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, unless it has ended; a frozen one ends as well."""
        if self._process.poll() is None:
            self.end()
        self.close()

    def close(self) -> None:
        """Read no more of it."""
        if self._process.stdout is not None:
            self._process.stdout.close()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(options: Options) -> None:
    rhythm = replace(QUICK, lease=options.lease)
    engine = await asyncio.to_thread(
        open_engine, options.url, replica=options.name or None, concurrency=options.concurrency, rhythm=rhythm
    )
    say("ready")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if options.keys:
        for n in range(options.keys):
            assert await engine.enqueue(Job(f"{n:06d}", f"lane {n % 7}", f"{n:06d}"))
            say(f"{n:06d}")
    else:
        gate = Path(options.gate) if options.gate else None
        journal = Journal(Path(options.journal))
        await engine.start(handler_of(journal, engine.replica, options.work, gate, give_up=options.give_up))
    await stop.wait()
    await engine.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the keys are on standard output
    asyncio.run(main(Options(**json.loads(sys.argv[1]))))
