"""The sandbox of this data folder for a command: the one that is running, or one started as a child process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import structlog

from framework.aio import cancel
from framework.app.sandbox_files import (
    ClaimedError,
    SandboxAddress,
    claim,
    data_file,
    is_claimed,
    publish,
    read_address,
)
from framework.errors import FrameworkError
from framework.extras import require

_log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from framework.settings import Settings

READY = "sandbox ready "
# Variables that are none of the sandbox's business. Secrets are in no child's environment: framework/environment.py.
PRIVATE = ("STREAM_API_", "FRAMEWORK_SANDBOX_API_", "OPENAI_API_KEY", "DATABASE_URL")
START_TIMEOUT = 20.0
STOP_TIMEOUT = 3.0
POLL = 0.05
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds before a sandbox that ended is started again


@contextlib.asynccontextmanager
async def local_sandbox(settings: Settings) -> AsyncIterator[Settings]:
    """Settings that point at this folder's sandbox: the one that is running, or one started here and ended with us."""
    require("sandbox", "Without STREAM_API_KEY the sandbox is the chat. It")
    async with contextlib.AsyncExitStack() as stack:
        async with _alone(settings.data):
            address = await _running(settings.data)
            if address is None:
                child = _Child(settings.data)
                stack.push_async_callback(child.stop)
                address = await child.start()
        yield _pointed_at(settings, address)


class _Child:
    """The sandbox as a child process. Where it ends by itself it is started again: the bot reconnects as to any other
    service that came back, and everything that people wrote is in its file.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._address = read_address(data)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> SandboxAddress:
        """Start it, and keep it running until `stop`."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name="sandbox keeper")
        return self._address

    async def stop(self) -> None:
        """End it for good."""
        if self._keeper is not None:
            await cancel(self._keeper)
        if self._process is not None:
            await _stop(self._process)

    async def _launch(self) -> None:
        self._process, url = await _start(self._data, self._address)
        known = self._address
        self._address = SandboxAddress(known.api_key, known.api_secret, url, os.getpid())
        publish(self._data, self._address)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            process, before = self._process, self._address.url
            if process is None:
                raise AssertionError("what was never started cannot be kept")
            await process.wait()
            _log.warning("sandbox.ended", code=process.returncode, again_in=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                await self._launch()
            except (FrameworkError, OSError) as error:
                _log.warning("sandbox.not_started", error=str(error), again_in=pause)
                continue
            if self._address.url == before:
                _log.info("sandbox.back", url=before)
            else:
                _log.error("sandbox.moved", url=self._address.url, hint="Its port was taken meanwhile: start again.")


@contextlib.asynccontextmanager
async def _alone(data: Path) -> AsyncIterator[None]:
    """One process at a time looks for the sandbox and starts it: of two that start at once, the second one joins."""
    with contextlib.ExitStack() as held:
        for _ in range(int(2 * START_TIMEOUT / POLL)):
            try:
                held.enter_context(claim(data / "sandbox.start"))
            except ClaimedError:
                await asyncio.sleep(POLL)
            else:
                break
        else:
            raise FrameworkError(
                "Another process is starting the sandbox and does not come to an end.", where=str(data)
            )
        yield


async def _running(data: Path) -> SandboxAddress | None:
    """Return where the running sandbox answers, or None if none runs. Waits until that of a killed process ends."""
    for _ in range(int(START_TIMEOUT / POLL)):
        if not is_claimed(data_file(data)):
            return None
        address = read_address(data)
        if address.is_owned() and address.answers():
            return address
        await asyncio.sleep(POLL)
    raise FrameworkError(
        "A sandbox uses this file, and does not answer where it should.",
        where=str(data_file(data)),
        hint="End it, or set FRAMEWORK_DATA to another folder, or point STREAM_BASE_URL and its keys at it.",
    )


def _pointed_at(settings: Settings, address: SandboxAddress) -> Settings:
    return settings.model_copy(
        update={
            "stream_api_key": address.api_key,
            "stream_api_secret": address.api_secret,
            "stream_base_url": address.url,
        }
    )


async def _start(data: Path, address: SandboxAddress) -> tuple[asyncio.subprocess.Process, str]:
    """Start the sandbox, where possible on the port that it had, and wait for its ready line.

    It runs in a session of its own: Ctrl-C in the terminal must reach the bot first, which still has to post. It ends
    when its standard input closes, so that it never outlives us, however we end.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "framework", "sandbox"),
        *("--data", str(data_file(data)), "--until-stdin-closes"),
        *(("--preferred-port", str(address.port)) if address.port else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=_environment(data),
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe, as asked for above
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = (await process.stdout.readline()).decode()
    except TimeoutError:
        await _stop(process)
        raise FrameworkError(f"The sandbox did not start within {START_TIMEOUT:.0f} s.") from None
    except asyncio.CancelledError:
        await _stop(process)
        raise
    if not line.startswith(READY):
        await _stop(process)
        raise FrameworkError("The sandbox did not start.", hint="What it said stands above.")
    return process, line.removeprefix(READY).strip()


def _environment(data: Path) -> dict[str, str]:
    """What the sandbox gets. It reads its key and secret from the folder: neither stands in an argument, nor in the
    environment of a process, and the app's own are none of its business.
    """
    public = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    return public | {"FRAMEWORK_DATA": str(data.resolve())}


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the sandbox: politely by closing its input, then firmly."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
