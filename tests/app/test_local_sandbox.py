"""One sandbox for a data folder, whoever starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from framework.app.local_sandbox import local_sandbox
from framework.app.sandbox_files import SandboxAddress, env_file, is_claimed, publish, read_address
from framework.settings import Settings
from tests.support.ports import free_port
from tests.support.process import Process


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path))
    return Settings()


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
