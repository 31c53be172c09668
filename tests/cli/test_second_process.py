"""Two processes on one sandbox: the first one ends, however it goes, and nobody who is talking notices."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from framework.app.sandbox_files import is_claimed, read_address
from tests.support.person import person
from tests.support.process import Process
from tests.support.waiting import until

QUESTION = "How long is the warranty?"


@pytest.fixture
def started() -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


@pytest.fixture
def own(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    shared = Path(environment["FRAMEWORK_DATA"]) / "knowledge"
    shared.mkdir(exist_ok=True)
    (tmp_path / "knowledge").symlink_to(shared)
    return {**environment, "FRAMEWORK_DATA": str(tmp_path)}


@pytest.mark.parametrize("end", ["stopped", "killed with the sandbox"])
async def test_the_second_one_goes_on_when_the_first_one_ends(
    own: dict[str, str], tmp_path: Path, started: list[Process], end: str
) -> None:
    first = await asyncio.to_thread(Process.start, ["run", "digest_bot"], ready="ready", environment=own)
    started.append(first)
    second = await asyncio.to_thread(Process.start, ["run", "support_bot"], ready="ready", environment=own)
    started.append(second)
    before = read_address(tmp_path)
    stream = (before.url, before.api_key, before.api_secret.get_secret_value())
    async with person(*stream) as maria:
        asked = await maria.say(QUESTION)
        await maria.reply(asked)
        if end == "killed with the sandbox":
            os.kill(before.owner, signal.SIGKILL)
        await asyncio.to_thread(first.stop, signal.SIGTERM if end == "stopped" else signal.SIGKILL)
        await until(lambda: read_address(tmp_path).is_owned() and read_address(tmp_path).answers())
        assert len(await maria.replies(asked)) == 1
        assert "three years" in (await maria.reply(await maria.say("And the warranty of the pump?")))["text"]
    after = read_address(tmp_path)
    assert after.url == before.url
    assert (after.owner == before.owner) is (end != "killed with the sandbox")
    await asyncio.to_thread(second.stop)
    assert second.child.returncode == 0
    await until(lambda: not is_claimed(tmp_path / "sandbox.sqlite"))
