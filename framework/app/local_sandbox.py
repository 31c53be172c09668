"""The sandbox of this data folder for a command: the one that is running, or one started as a child process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

import structlog

from framework.aio import cancel
from framework.app.ports import holder, is_free
from framework.app.sandbox_files import (
    PREFERRED_PORT,
    ClaimedError,
    SandboxAddress,
    SandboxUse,
    claim,
    data_file,
    is_claimed,
    read_address,
)
from framework.app.sandbox_process import POLL, START_TIMEOUT, STOP_TIMEOUT, leave_sandbox, start_sandbox, stop_sandbox
from framework.errors import FrameworkError, UsageError
from framework.extras import require
from framework.settings import require_stream_in_production

_log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from subprocess import Popen

    from framework.settings import Settings

LOOPBACK = "127.0.0.1"
LOOK = 0.2  # seconds between two looks at a sandbox that runs
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds before one that ends again and again is started once more


@contextlib.asynccontextmanager
async def local_sandbox(settings: Settings) -> AsyncIterator[Settings]:
    """Settings that point at this folder's sandbox: the one that is running, or one started here.

    The sandbox runs until the last process that uses it has ended, whichever started it. If it ends before that, one of
    them starts it again on the same port: bots reconnect as to any other service that came back, and everything that
    people wrote is in its file.

    Raises SettingsError in production, UsageError for a port that is taken, FrameworkError if no sandbox can be had.
    """
    require_stream_in_production(settings)
    require("sandbox", "Without STREAM_API_KEY the sandbox is the chat. It")
    keeper = _Keeper(settings)
    try:
        address = await keeper.start()
        yield _pointed_at(settings, address)
    finally:
        await keeper.stop()


def reachable(settings: Settings) -> Settings | None:
    """Settings that point at this folder's sandbox if it runs; it is neither started nor kept."""
    if not is_claimed(data_file(settings.data)):
        return None
    address = read_address(settings.data)
    return _pointed_at(settings, address) if address.answers() else None


class _Keeper:
    """Has a sandbox run in this folder until `stop`, started by this process or by another."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._host, self._port = settings.sandbox_host or LOOPBACK, settings.sandbox_port
        self._use = SandboxUse(settings.data)
        self._process: Popen[str] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._address = SandboxAddress("", read_address(settings.data).api_secret)

    async def start(self) -> SandboxAddress:
        """Join the sandbox, or start it, and see to it that one runs from now on."""
        async with _alone(self._data):
            await self._begin_use()
            address = await _running(self._data)
            if address is None:
                await self._launch_first()
            else:
                self._refuse_elsewhere(address)
                self._address = address
        self._keeping = asyncio.create_task(self._keep(), name="sandbox keeper")
        return self._address

    async def stop(self) -> None:
        """Use it no longer. It ends if nobody else uses it."""
        if self._keeping is not None:
            await cancel(self._keeping)
        last = self._use.is_last()
        if self._process is not None and last:
            await stop_sandbox(self._process)
        elif self._process is not None:
            leave_sandbox(self._process)
        self._use.end()
        if last:
            await _ended(self._data)

    async def _begin_use(self) -> None:
        """Wait until a sandbox that is just ending has ended: one must not be joined that is gone a moment later."""
        for _ in range(int(START_TIMEOUT / POLL)):
            if self._use.begin():
                return
            await asyncio.sleep(POLL)
        raise FrameworkError(
            "The sandbox of this folder is ending, and does not come to an end.", where=str(self._data)
        )

    async def _launch_first(self) -> None:
        known = read_address(self._data)
        wanted = self._port or known.port or PREFERRED_PORT
        if self._port and not is_free(self._host, self._port):
            raise UsageError(
                f"The port {self._port} is taken by {holder(self._port)}.",
                hint="End that, or choose another --port (FRAMEWORK_SANDBOX_PORT).",
            )
        by = "" if self._port == 0 or is_free(self._host, wanted) else holder(wanted)
        await self._launch(self._host, self._port if self._port is not None else wanted, fixed=self._port is not None)
        if by:
            hint = "Choose a port of your own with run --port."
            _log.warning("sandbox.port_taken", port=wanted, by=by, instead=self._address.url, hint=hint)
        if self._host != LOOPBACK and self._host != "localhost":
            hint = "For a page that does, start `sandbox --host ... --development-tokens` first."
            _log.warning("sandbox.reachable", host=self._host, why="its page signs nobody in then", hint=hint)

    def _refuse_elsewhere(self, address: SandboxAddress) -> None:
        if self._port not in {None, 0, address.port}:
            raise UsageError(
                f"The sandbox of this folder runs already, at {address.url} (process {address.owner}).",
                hint="Leave --port out to join it, or name another folder with --data (FRAMEWORK_DATA).",
            )

    async def _launch(self, host: str, port: int | None, *, fixed: bool) -> None:
        self._process = await start_sandbox(self._data, host=host, port=port, fixed=fixed)
        self._address = read_address(self._data)

    async def _keep(self) -> None:
        pause = 0.0
        while True:
            began = asyncio.get_running_loop().time()
            await self._until_gone()
            if asyncio.get_running_loop().time() - began > LONGEST_PAUSE:
                pause = 0.0
            _log.warning("sandbox.ended", code=self._process and self._process.returncode, again_in=pause)
            await asyncio.sleep(pause)
            try:
                await self._replace()
            except (FrameworkError, OSError) as error:
                _log.warning("sandbox.not_started", error=str(error))
            pause = min(max(FIRST_PAUSE, 2 * pause), LONGEST_PAUSE)

    async def _until_gone(self) -> None:
        for _ in itertools.repeat(None):
            if not is_claimed(data_file(self._data)):
                break
            await asyncio.sleep(LOOK)
        if self._process is not None:
            self._process.poll()

    async def _replace(self) -> None:
        """Start the sandbox again, unless another process that uses it was faster."""
        before = self._address
        async with _alone(self._data):
            self._process = None
            address = await _running(self._data)
            if address is None:
                await self._launch(before.host or LOOPBACK, before.port, fixed=False)
            else:
                self._address = address
        if self._address.url == before.url:
            _log.info("sandbox.back", url=before.url, started_here=self._process is not None)
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


async def _ended(data: Path) -> None:
    """Wait a little until the sandbox has ended."""
    for _ in range(int(STOP_TIMEOUT / POLL)):
        if not is_claimed(data_file(data)):
            return
        await asyncio.sleep(POLL)


def _pointed_at(settings: Settings, address: SandboxAddress) -> Settings:
    return settings.model_copy(
        update={
            "stream_api_key": address.api_key,
            "stream_api_secret": address.api_secret,
            "stream_base_url": address.url,
        }
    )
