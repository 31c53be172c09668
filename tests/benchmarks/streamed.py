"""What a streamed answer through LangChain costs the bot's process, beside a bare loop that streams the same model and
makes four calls of Stream: `python -m tests.benchmarks.streamed [--turns 400] [--rounds 3]`.

40 people ask and wait for their answers, again and again, in 40 channels of one sandbox without limits. Bot, model,
sandbox and people are each a process. The model takes 1 to 2 s and streams an answer of 30 words in 12 pieces.
Processor time is that of the bot's process alone, from the first question to the last answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.crowd import Crowd, crowd, folder, sandbox_process
from tests.support.model_server import Pace, model_process
from tests.support.replicas import Replica, Sandbox, cpu_seconds

PEOPLE = 40
GOAL = 6.0
"""Times the bare loop's processor that a turn may cost."""
_PACE = Pace(1.0, 2.0)
_WARM = 40
_BOT = """\
description: Answers what a scripted model says.
identity: {user_id: bot, name: Bench Bot}
channels: {join: ["messaging:bench-*"]}
prompt: prompt.md.j2
budget: {user_minute: null, user_at_once: null}
"""


@dataclass(frozen=True)
class Cost:
    """Of one turn, by one arm: milliseconds of processor, calls of Stream, and the waits in seconds."""

    processor: float
    first: float
    final: float


def measure(arm: str, turns: int) -> Cost:
    """Run one arm on a fresh sandbox."""
    with folder() as own, sandbox_process(own) as sandbox, model_process(_PACE) as model:
        return asyncio.run(_measure(arm, turns, own, sandbox, model))


async def _measure(arm: str, turns: int, own: Path, sandbox: Sandbox, model: str) -> Cost:
    opened = _bot(own, sandbox, model) if arm == "bot" else _bare(sandbox, model)
    async with crowd(sandbox, PEOPLE) as people:
        with ExitStack() as stack:
            # In a thread: the people's connection lives on meanwhile.
            pid = await asyncio.to_thread(stack.enter_context, opened)
            await _ask(people, _WARM, 0)
            before = cpu_seconds(pid)
            await _ask(people, turns, _WARM)
            used = cpu_seconds(pid) - before
    names = [f"ask-{number}" for number in range(_WARM, _WARM + turns)]
    first = statistics.median(people.first[name] - people.asked[name] for name in names)
    final = statistics.median(people.final[name] - people.asked[name] for name in names)
    return Cost(1e3 * used / turns, first, final)


async def _ask(people: Crowd, count: int, start: int) -> None:
    """Each person asks in a channel of their own, waits for the answer, and asks again."""

    async def person(numbers: Iterator[int]) -> None:
        for number in numbers:
            await people.ask(number)
            await people.answer_to(f"ask-{number}", 60)

    every = range(start, start + count)
    await asyncio.gather(*(person(iter([one for one in every if one % PEOPLE == lane])) for lane in range(PEOPLE)))


@contextmanager
def _bot(own: Path, sandbox: Sandbox, model: str) -> Iterator[int]:
    """The bot as an operator runs it."""
    definition = own / "bench_bot"
    definition.mkdir()
    (definition / "bot.yaml").write_text(_BOT, encoding="utf-8")
    (definition / "prompt.md.j2").write_text("You are {{ bot_name }}. Answer the last message.\n", encoding="utf-8")
    database = f"sqlite:///{own / 'engine.db'}"
    replica = Replica("bot", definition, own, sandbox=sandbox, model=model, database=database)
    replica.start()
    try:
        _until_ready(replica)
        yield replica.pid
    finally:
        replica.kill()


def _until_ready(replica: Replica, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while " ready (" not in replica.output.read_text(encoding="utf-8"):
        if not replica.running or time.monotonic() > deadline:
            raise RuntimeError(replica.log.read_text(encoding="utf-8")[-3000:])
        time.sleep(0.1)


@contextmanager
def _bare(sandbox: Sandbox, model: str) -> Iterator[int]:
    channels = ",".join(f"messaging:bench-{number:04d}" for number in range(PEOPLE))
    own = [sandbox.url, sandbox.KEY, sandbox.SECRET, "bot", channels, model]
    command = [sys.executable, "-m", "tests.benchmarks.bare_streamed", *own]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            if "ready" not in child.stdout.readline():
                raise RuntimeError("the bare loop did not start")
            yield child.pid
        finally:
            child.kill()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options, _ = parser.parse_known_args()  # those of whoever runs all benchmarks are not for this one
    costs: dict[str, list[Cost]] = {"bare": [], "bot": []}
    for _ in range(options.rounds):
        for arm, known in costs.items():
            known.append(measure(arm, options.turns))
    load = f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    print(f"streamed answers, {PEOPLE} people at once, {options.rounds} rounds of {options.turns} turns ({load})")
    for arm, known in costs.items():
        own = statistics.median(cost.processor for cost in known)
        each = " ".join(f"{cost.processor:.1f}" for cost in known)
        first, final = statistics.median(one.first for one in known), statistics.median(one.final for one in known)
        waits = f"first text {first:.2f} s, final {final:.2f} s"
        print(f"  {arm:5} {own:5.1f} ms of processor a turn (rounds: {each}); {waits}")
    bare, bot = (statistics.median(cost.processor for cost in known) for known in costs.values())
    print(f"  the bot costs {bot / bare:.1f} times the bare loop (goal: at most {GOAL:.0f})")


if __name__ == "__main__":
    main()
