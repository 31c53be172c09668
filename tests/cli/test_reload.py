"""A bot's files are edited while `run` runs: the edit counts at once, a broken one changes nothing."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.log import log_entries
from tests.support.person import person
from tests.support.process import Process
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import PATIENCE, until


@pytest.fixture(autouse=True)
def hangups_are_heard() -> Iterator[None]:
    """Children would inherit it where the tests themselves run under `nohup`, which has a bot ignore its hangups."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def started() -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    """A bot of the test's own, which says hello."""
    folder = tmp_path / "bots" / "greeter"
    folder.mkdir(parents=True)
    shutil.copytree("prompts", tmp_path / "prompts")
    return write(folder, "one")


def write(folder: Path, greeting: str, more: str = "") -> Path:
    variables = "variables: {company: Fernly, product: pods, team_hours: always}"
    # The one person here writes all the time, and always at once.
    budget = "budget: {user_minute: null, user_at_once: null}\nconditions: {turns_without_person: 1000}"
    definition = f"channels: ['messaging:support-*']\n{variables}\n{budget}\nphrases:\n  greeting: {greeting}\n{more}"
    draft = folder.parent / "draft.yaml"
    draft.write_text(definition)
    draft.replace(folder / "bot.yaml")  # at once: nobody is to read half of it
    return folder


def entries(log: Path, event: str) -> list[dict[str, Any]]:
    return [entry for entry in log_entries(log) if entry["event"] == event]


async def told(log: Path, event: str, times: int = 1) -> list[dict[str, Any]]:
    await until(lambda: len(entries(log, event)) >= times, otherwise=lambda: f"There was no {event}.")
    return entries(log, event)


async def start(sandbox: RunningSandbox, environment: dict[str, str], bot: Path, log: Path, **more: str) -> Process:
    variables = {
        **environment,
        "FRAMEWORK_DATA": str(log.parent / "data"),
        "STREAM_BASE_URL": sandbox.url,
        "STREAM_API_KEY": sandbox.api_key,
        "STREAM_API_SECRET": sandbox.api_secret,
        **more,
    }
    with log.open("a") as handle:
        return await asyncio.to_thread(
            Process.start, ["run", str(bot)], ready="ready", environment=variables, log=handle
        )


async def test_edits_count_at_once_broken_ones_change_nothing_and_no_reply_is_lost_or_doubled(
    environment: dict[str, str], tmp_path: Path, bot: Path, started: list[Process]
) -> None:
    log = tmp_path / "log"
    async with start_sandbox() as sandbox:
        started.append(await start(sandbox, environment, bot, log))
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            asked: list[str] = []

            async def chatter() -> None:
                for greeting in itertools.cycle(("hello", "hi")):
                    asked.append(await maria.say(greeting))
                    await maria.reply(asked[-1])

            chatting = asyncio.create_task(chatter())
            assert (await maria.reply(await maria.say("hello")))["text"] == "one"
            write(bot, "two")
            await told(log, "bot.renewed")
            assert (await maria.reply(await maria.say("hello")))["text"] == "two"
            write(bot, "three", "modle: auto\n")
            (broken,) = await told(log, "bot.broken")
            assert "bot.yaml:7" in broken["where"]
            assert "model" in broken["hint"]
            assert (await maria.reply(await maria.say("hello")))["text"] == "two"
            write(bot, "two")
            await told(log, "bot.mended")
            write(bot, "four")
            await told(log, "bot.renewed", 2)
            assert (await maria.reply(await maria.say("hello")))["text"] == "four"
            chatting.cancel()
            await asyncio.wait({chatting})
            for message in asked:
                await maria.reply(message)
            assert [len(await maria.replies(message)) for message in asked] == [1] * len(asked)
        await asyncio.to_thread(started[0].stop, signal.SIGTERM)
    assert started[0].child.returncode == 0


async def test_on_demand_a_signal_reads_the_files_again_and_ends_nothing(
    environment: dict[str, str], tmp_path: Path, bot: Path, started: list[Process]
) -> None:
    log = tmp_path / "log"
    async with start_sandbox() as sandbox:
        started.append(await start(sandbox, environment, bot, log, FRAMEWORK_RELOAD="signal"))
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            write(bot, "two")
            await asyncio.sleep(1)
            assert (await maria.reply(await maria.say("hello")))["text"] == "one"
            started[0].child.send_signal(signal.SIGHUP)
            await told(log, "bot.renewed")
            assert (await maria.reply(await maria.say("hello")))["text"] == "two"


def start_in_terminal(bot: Path, variables: dict[str, str], log: Path, terminal: int) -> subprocess.Popen[bytes]:
    with log.open("w") as handle:
        child = subprocess.Popen(
            [sys.executable, "-m", "framework", "run", str(bot)],
            stdin=terminal,
            stdout=terminal,
            stderr=handle,
            env=variables,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - the child takes the terminal
        )
    os.close(terminal)
    return child


async def test_the_end_of_the_terminal_ends_the_bots(environment: dict[str, str], tmp_path: Path, bot: Path) -> None:
    log = tmp_path / "log"
    terminal, inside = os.openpty()
    async with start_sandbox() as sandbox:
        variables = {
            **os.environ,
            **environment,
            "FRAMEWORK_DATA": str(tmp_path / "data"),
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        child = await asyncio.to_thread(start_in_terminal, bot, variables, log, inside)
        try:
            await told(log, "run.ready")
            os.close(terminal)
            await asyncio.to_thread(child.wait, PATIENCE)
        finally:
            child.kill()
            child.wait()
    assert entries(log, "run.stopped")
    assert "Traceback" not in log.read_text()
