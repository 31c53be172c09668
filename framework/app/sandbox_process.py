"""The sandbox as a child process: started, and ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from framework.aio import in_daemon_thread
from framework.app.sandbox_files import data_file
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from pathlib import Path

READY = "sandbox ready "
# Variables that are none of the sandbox's business. Secrets are in no child's environment: framework/environment.py.
PRIVATE = ("STREAM_API_", "FRAMEWORK_SANDBOX_API_", "OPENAI_API_KEY", "DATABASE_URL", "FRAMEWORK_JOURNAL")
START_TIMEOUT = 20.0
STOP_TIMEOUT = 3.0
POLL = 0.05

_left: list[subprocess.Popen[str]] = []
"""Kept: Python complains of a child that nobody holds any more."""


async def start_sandbox(data: Path, *, host: str, port: int | None, fixed: bool) -> subprocess.Popen[str]:
    """Start the sandbox of a data folder, and wait for its ready line. It tells its address in the folder.

    It takes `port`, or a free one if that is taken and not `fixed`. It runs in a session of its own: Ctrl-C in the
    terminal must reach the bot first, which still has to post. It ends with the last process that uses it, which need
    not be this one: so it is no process of asyncio's, which ends those that are left.

    Raises FrameworkError if it does not start.
    """
    wanted = () if port is None else ("--port" if fixed else "--preferred-port", str(port))
    command = [sys.executable, "-m", "framework", "sandbox", "--data", str(data_file(data)), "--host", host]
    process = await in_daemon_thread(
        lambda: subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--until-unused", *wanted],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=_environment(data),
        )
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe, as asked for above
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = await in_daemon_thread(process.stdout.readline)
    except TimeoutError:
        await stop_sandbox(process)
        raise FrameworkError(f"The sandbox did not start within {START_TIMEOUT:.0f} s.") from None
    except asyncio.CancelledError:
        await stop_sandbox(process)
        raise
    process.stdout.close()
    if not line.startswith(READY):
        await stop_sandbox(process)
        raise FrameworkError("The sandbox did not start.", hint="What it said stands above.")
    return process


def _environment(data: Path) -> dict[str, str]:
    """What the sandbox gets. It reads its key and secret from the folder: neither stands in an argument, nor in the
    environment of a process, and the app's own are none of its business.
    """
    public = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    return public | {"FRAMEWORK_DATA": str(data.resolve())}


async def stop_sandbox(process: subprocess.Popen[str]) -> None:
    """End the sandbox: politely by SIGTERM, then firmly."""
    process.terminate()
    for _ in range(int(STOP_TIMEOUT / POLL)):
        if process.poll() is not None:
            break
        await asyncio.sleep(POLL)
    else:
        process.kill()
    process.wait()


def leave_sandbox(process: subprocess.Popen[str]) -> None:
    """Let it run on for others."""
    _left.append(process)
