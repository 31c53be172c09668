"""One sandbox for a data folder, whoever starts it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from framework.app.local_sandbox import local_sandbox
from framework.app.sandbox_files import SandboxAddress, env_file, is_claimed, publish, read_address
from framework.errors import SettingsError, UsageError
from framework.settings import Settings
from tests.support.ports import free_port
from tests.support.process import Process
from tests.support.waiting import until

STARTER = """
import asyncio
from framework.app.local_sandbox import local_sandbox
from framework.settings import load_settings

async def main():
    async with local_sandbox(load_settings()) as found:
        print(found.base_url, flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path))
    return Settings()


def sandboxes(data: Path) -> list[int]:
    """The processes that serve the sandbox of a data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if "sandbox" in words and str(data / "sandbox.sqlite") in words:
                found.append(int(process.name))
    return found


async def test_of_two_that_start_at_once_the_second_joins_the_first(settings: Settings, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, two = await asyncio.gather(*(stack.enter_async_context(local_sandbox(settings)) for _ in range(2)))
        assert one.base_url == two.base_url
        assert one.stream_api_key == two.stream_api_key
        assert is_claimed(tmp_path / "sandbox.sqlite")
    assert not is_claimed(tmp_path / "sandbox.sqlite")


async def test_it_comes_back_on_the_port_that_it_had(settings: Settings, tmp_path: Path) -> None:
    known = read_address(tmp_path)
    url = f"http://127.0.0.1:{free_port()}"
    publish(tmp_path, SandboxAddress(known.api_key, known.api_secret, url))
    async with local_sandbox(settings) as found:
        assert (found.base_url, found.stream_api_key) == (url, known.api_key)


async def test_one_that_was_started_by_hand_is_joined(settings: Settings, tmp_path: Path) -> None:
    by_hand = await asyncio.to_thread(
        Process.start, ["sandbox", "--port", "0"], ready="ready", environment={"FRAMEWORK_DATA": str(tmp_path)}
    )
    try:
        async with local_sandbox(settings) as found:
            assert found.base_url == by_hand.line.split()[-1]
        assert by_hand.child.poll() is None
    finally:
        by_hand.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_of_two_that_joined_one_takes_it_over_when_it_ends(
    settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    by_hand = await asyncio.to_thread(
        Process.start, ["sandbox", "--port", "0"], ready="ready", environment={"FRAMEWORK_DATA": str(tmp_path)}
    )
    async with AsyncExitStack() as stack:
        stack.callback(by_hand.kill)
        one, two = await asyncio.gather(*(stack.enter_async_context(local_sandbox(settings)) for _ in range(2)))
        before = read_address(tmp_path)
        await asyncio.to_thread(by_hand.stop, number)
        await until(lambda: read_address(tmp_path).owner != before.owner and read_address(tmp_path).answers())
        after = read_address(tmp_path)
        assert (after.url, after.api_key) == (before.url, before.api_key) == (two.base_url, one.stream_api_key)
        assert len(sandboxes(tmp_path)) == 1
    assert not is_claimed(tmp_path / "sandbox.sqlite")


async def test_who_comes_while_it_ends_waits_and_starts_its_own(settings: Settings, tmp_path: Path) -> None:
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        before = await first.enter_async_context(local_sandbox(settings))
        _, after = await asyncio.gather(first.aclose(), second.enter_async_context(local_sandbox(settings)))
        assert read_address(tmp_path).is_owned()
        assert after.base_url == before.base_url
        assert read_address(tmp_path).answers()
        assert len(sandboxes(tmp_path)) == 1


async def test_it_outlives_the_process_that_started_it_while_another_uses_it(
    settings: Settings, tmp_path: Path, environment: dict[str, str]
) -> None:
    starter = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", STARTER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment, "FRAMEWORK_DATA": str(tmp_path)},
    )
    assert starter.stdout is not None
    lines = iter(starter.stdout.readline, "")
    url = await asyncio.to_thread(lambda: next(line.strip() for line in lines if line.startswith("http")))
    before = read_address(tmp_path)
    async with local_sandbox(settings) as found:
        starter.kill()
        starter.communicate()
        assert found.base_url == url
        assert before.is_owned()
        assert before.answers()
    assert not is_claimed(tmp_path / "sandbox.sqlite")


@pytest.mark.parametrize("asked", [True, False])
async def test_a_port_that_is_taken_is_told_with_who_has_it(settings: Settings, tmp_path: Path, *, asked: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if asked:
            with pytest.raises(UsageError, match=rf"port {port} is taken by process {os.getpid()} \(.*, in .*\)"):
                async with local_sandbox(settings.model_copy(update={"sandbox_port": port})):
                    pass
            return
        known = read_address(tmp_path)
        publish(tmp_path, SandboxAddress(known.api_key, known.api_secret, f"http://127.0.0.1:{port}"))
        with capture_logs() as log:
            async with local_sandbox(settings) as found:
                assert found.base_url != f"http://127.0.0.1:{port}"
        (told,) = [entry for entry in log if entry["event"] == "sandbox.port_taken"]
        assert told["port"] == port
        assert f"process {os.getpid()}" in told["by"]


async def test_another_port_is_refused_while_it_runs(settings: Settings) -> None:
    async with local_sandbox(settings) as found:
        elsewhere = settings.model_copy(update={"sandbox_port": free_port()})
        with pytest.raises(UsageError, match=re.escape(found.base_url)):
            async with local_sandbox(elsewhere):
                pass


async def test_production_starts_none(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="STREAM_API_KEY and STREAM_API_SECRET"):
        async with local_sandbox(settings.model_copy(update={"environment": "production"})):
            pass
    assert not env_file(tmp_path).exists()


async def test_a_second_one_on_the_same_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    async with local_sandbox(settings):
        second = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "framework", "sandbox", "--port", "0"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "FRAMEWORK_DATA": str(tmp_path)},
            timeout=60,
        )
    assert second.returncode == 1
    assert "Another sandbox uses this file" in second.stderr


def test_two_that_make_up_credentials_at_once_agree(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from framework.app.sandbox_files import *; print(read_address(pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {process.communicate(timeout=60)[0] for process in processes}
    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir()] == [env_file(tmp_path).name]
    assert env_file(tmp_path).stat().st_mode & 0o777 == 0o600
