"""Replicas as processes: one is killed or frozen in the middle of an answer, and another one completes it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.log import log_entries
from tests.support.openai_server import ScriptedServer, Step, Stream, hang, say, scripted_server
from tests.support.person import Person, person
from tests.support.postgres import Postgres, unavailable
from tests.support.process import Process
from tests.support.sandbox import start_sandbox
from tests.support.waiting import until

WORDS = [f"word{n} " for n in range(20)]


def halting(gate: asyncio.Event, *pieces: str) -> Step:
    """Stream half of the pieces, and the rest once the gate is open."""

    async def step(stream: Stream) -> None:
        await stream.begin()
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2:
                await gate.wait()
            await stream.delta({"role": "assistant", "content": piece})
        await stream.end()

    return step


@dataclass
class Stage:
    """Two replicas of a bot with the same database, the model behind them, and a person."""

    processes: list[Process]
    logs: list[Path]
    model: ScriptedServer
    maria: Person

    def story(self, number: int, reply_to: str) -> list[str]:
        return [entry["event"] for entry in log_entries(self.logs[number]) if entry.get("message") == reply_to]

    async def at_work(self, message: str) -> int:
        """The number of the replica that answers this message, once people see that it does."""

        async def working() -> list[int]:
            seen = self.model.asked and await self.maria.replies(message)
            return [number for number in range(2) if seen and "turn.context" in self.story(number, message)]

        first: int = (await until(working))[0]
        return first


@pytest.fixture
def started() -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()  # which a frozen one obeys as well


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database; empty for the file in the data folder."""
    if request.param == "sqlite":
        yield ""
        return
    reason = unavailable()
    if reason is not None:
        pytest.skip(reason)
    with Postgres.running() as server:
        yield server.database()


@asynccontextmanager
async def two_replicas(
    environment: dict[str, str], folder: Path, started: list[Process], database: str = ""
) -> AsyncIterator[Stage]:
    shared = Path(environment["FRAMEWORK_DATA"]) / "knowledge"
    shared.mkdir(exist_ok=True)
    (folder / "knowledge").symlink_to(shared)
    async with start_sandbox() as sandbox, scripted_server() as model:
        variables = {
            **environment,
            "FRAMEWORK_DATA": str(folder),
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "scripted-1",
            "DATABASE_URL": database,
        }
        logs = [folder / "log0", folder / "log1"]
        for log in logs:
            with log.open("a") as handle:
                started.append(
                    await asyncio.to_thread(
                        Process.start, ["run", "support_bot"], ready="ready", environment=variables, log=handle
                    )
                )
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            yield Stage(started, logs, model, maria)


async def test_the_other_replica_completes_the_answer_of_one_that_is_killed(
    environment: dict[str, str], tmp_path: Path, started: list[Process], database: str
) -> None:
    async with two_replicas(environment, tmp_path, started, database) as stage:
        stage.model.play(hang(*WORDS), say("The whole ", "answer."))
        asked = await stage.maria.say("Tell me.")
        waiting = await stage.maria.say("And then?")
        stage.model.play(say("Then this."))
        killed = await stage.at_work(asked)
        await asyncio.sleep(1)  # what it read is kept once a turn takes longer than an instant
        started[killed].kill()
        reply = await stage.maria.reply(asked)
        assert reply["text"] == "The whole answer."
        assert (await stage.maria.reply(waiting))["text"] == "Then this."
        assert [len(await stage.maria.replies(message)) for message in (asked, waiting)] == [1, 1]
        assert "turn.recalled" in stage.story(1 - killed, asked)


async def test_a_replica_that_was_frozen_and_wakes_up_late_writes_nothing_more(
    environment: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    async with two_replicas(environment, tmp_path, started) as stage:
        gate = asyncio.Event()
        stage.model.play(halting(gate, *WORDS), say("The whole ", "answer."), say("Still here."))
        asked = await stage.maria.say("Tell me.")
        frozen = await stage.at_work(asked)
        os.kill(started[frozen].child.pid, signal.SIGSTOP)
        reply = await stage.maria.reply(asked)
        assert reply["text"] == "The whole answer."
        gate.set()  # the end of its answer awaits the one that wakes up
        os.kill(started[frozen].child.pid, signal.SIGCONT)
        after = await stage.maria.say("Are you there?")
        assert (await stage.maria.reply(after))["text"] == "Still here."
        await asyncio.sleep(2)
        (only,) = await stage.maria.replies(asked)
        assert (only["text"], only["generating"]) == ("The whole answer.", False)
        assert "turn.posted" not in stage.story(frozen, asked)
