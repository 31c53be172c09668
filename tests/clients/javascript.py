"""Running scripts that use Stream's npm packages, against a sandbox that a script may have restarted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from framework.sandbox.kernel.faults import Fault
from tests.support.ports import free_port
from tests.support.sandbox import RunningSandbox, start_sandbox

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
NODE = shutil.which("node")
SCRIPT_S = 120.0


def missing(*packages: str) -> str | None:
    """Why tests with these npm packages cannot run here, or None."""
    if NODE is None:
        return "no Node on this machine: install the packages nodejs and npm to run this"
    absent = [name for name in packages if not (PACKAGES / name / "package.json").is_file()]
    return f"{', '.join(absent)} not installed: `make clients` installs it with npm" if absent else None


class Restartable:
    """A sandbox on a data file that comes back on the same port."""

    def __init__(self, data: str, stack: AsyncExitStack) -> None:
        self._data, self._stack = data, stack
        self._port = free_port()
        self.running: RunningSandbox

    async def start(self) -> None:
        """Serve, on the same port each time."""
        self.running = await self._stack.enter_async_context(start_sandbox(self._data, port=self._port))

    async def restart(self) -> None:
        """Stop as SIGTERM does, and serve the same data again."""
        await self._stack.aclose()
        await self.start()


@asynccontextmanager
async def restartable(folder: Path) -> AsyncIterator[Restartable]:
    """A sandbox with its data in a folder, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        sandbox = Restartable(str(folder / "sandbox.sqlite"), stack)
        await sandbox.start()
        yield sandbox


async def run_script(name: str, sandbox: Restartable) -> dict[str, Any]:
    """The result of a script under `node/`, which talks in lines of JSON: what it asks for, and at last its result."""
    running = sandbox.running
    about = json.dumps({"url": running.url, "key": running.api_key, "secret": running.api_secret})
    process = await asyncio.create_subprocess_exec(
        NODE or "node",
        str(HERE / "node" / f"{name}.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "SANDBOX": about, "NODE_NO_WARNINGS": "1"},
    )
    try:
        async with asyncio.timeout(SCRIPT_S):
            result: dict[str, Any] | None
            result, raw = await asyncio.gather(_converse(process, sandbox), _stderr(process))
            errors = raw.decode()
            assert await process.wait() == 0, errors
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert result is not None, f"{name} ended without a result: {errors}"
    assert errors == "", f"the client complained: {errors}"
    return result


async def _stderr(process: asyncio.subprocess.Process) -> bytes:
    assert process.stderr is not None
    return await process.stderr.read()


async def _converse(process: asyncio.subprocess.Process, sandbox: Restartable) -> dict[str, Any] | None:
    assert process.stdout is not None
    assert process.stdin is not None
    result: dict[str, Any] | None = None
    async for line in process.stdout:
        said = json.loads(line)
        if "result" in said:
            result = dict(said["result"])
            continue
        await _do(said, sandbox)
        process.stdin.write(b"{}\n")
        await process.stdin.drain()
    return result


async def _do(said: dict[str, Any], sandbox: Restartable) -> None:
    if said["ask"] == "restart":
        await sandbox.restart()
    elif said["ask"] == "close":
        for connection in sandbox.running.sandbox.hub.of_user(said["user"]):
            connection.close(said["code"])
    else:
        sandbox.running.sandbox.faults.add(Fault(**said["fault"]))
