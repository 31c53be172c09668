"""The endpoint's process, seen from the bots' process: started, told of new rules, and started again if it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog

from framework.aio import cancel
from framework.app.guarding.config import READY, RELOAD, WorkerConfig
from framework.app.sandbox_process import PRIVATE
from framework.errors import FrameworkError

START_SECONDS = 30.0
STOP_SECONDS = 4.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
GOOD_SECONDS = 30.0
"""A process that lived so long ended by accident: the next one is started at once."""

_log = structlog.get_logger(__name__)


class HookProcess:
    """Runs the process. The socket is ours and stays open: requests wait there while it is started again.

    `heard` is called with each word that it says, and the detail.
    """

    def __init__(self, config: WorkerConfig, bound: socket.socket, heard: Callable[[str, object], None]) -> None:
        self._config = config
        self._bound = bound
        self._heard = heard
        self._lists = config.lists
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The number of the process that runs; 0 if none does."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def start(self) -> None:
        """Start it, and keep it running until `stop`. Raises FrameworkError if it does not start."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name="moderation endpoint keeper")

    async def reload(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Have it read the rules again, with these words of Stream's blocklists."""
        self._lists = lists
        process = self._process
        if process is not None and process.stdin is not None and process.returncode is None:
            line = json.dumps({"say": RELOAD, "lists": {name: list(words) for name, words in lists.items()}})
            with contextlib.suppress(OSError):
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()

    async def stop(self) -> None:
        """End it for good: what it decided is in the database then."""
        if self._keeper is not None:
            await cancel(self._keeper)
        if self._process is not None:
            await _end(self._process)
        if self._listener is not None:
            await cancel(self._listener)

    async def _launch(self) -> None:
        from dataclasses import replace

        environment = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "framework.app.guarding.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(self._bound.fileno(),),
            start_new_session=True,
            env=environment,
        )
        self._process = process
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        process.stdin.write(replace(self._config, lists=self._lists).line())
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        except BaseException:
            await _end(process)
            raise
        said = json.loads(line) if line else {}
        if said.get("say") != READY:
            await _end(process)
            raise FrameworkError(
                f"The process of moderation did not start: {said.get('detail') or 'what it said stands above'}"
            )
        self._listener = asyncio.create_task(self._listen(process.stdout), name="moderation endpoint listener")

    async def _listen(self, said: asyncio.StreamReader) -> None:
        while line := await said.readline():
            word = json.loads(line)
            self._heard(str(word.get("say")), word.get("detail"))

    async def _keep(self) -> None:
        pause, loop = FIRST_PAUSE, asyncio.get_running_loop()
        while True:
            process = self._process
            assert process is not None  # noqa: S101 - started before
            began = loop.time()
            code = await process.wait()
            if loop.time() - began > GOOD_SECONDS:
                pause = FIRST_PAUSE
            _log.error("moderation.endpoint_ended", code=code, again_in=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                await self._launch()
            except (FrameworkError, OSError) as error:
                _log.error("moderation.endpoint_not_started", error=str(error), again_in=pause)
                continue
            _log.info("moderation.endpoint_back")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it: politely by closing its input, then firmly."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
