"""Background tasks of one bot: once, again until it works, and periodically."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from framework.errors import ChatServiceError, EngineError
from framework.runtime.intake.timers import Action
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0


class BackgroundTasks:
    """Background work of one bot. An error that no repetition mends sets `failure`: it must not go unseen."""

    def __init__(self, name: str, timing: Timing) -> None:
        self._name = name
        self._timing = timing
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def spawn(self, work: Coroutine[None, None, None], *, name: str) -> None:
        """Do it beside everything else."""
        task = asyncio.create_task(work, name=f"{name} {self._name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def persist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do it, again and again while the service cannot be reached. Raises what a repetition would not mend."""
        wait = _FIRST_WAIT
        while True:
            try:
                return await action()
            except ChatServiceError as error:
                if not error.retryable:
                    raise
                self._unreachable(error, again_in=round(wait, 1))
            except EngineError as error:
                _log.error("event.not_kept", bot=self._name, error=error.what)
            await self._timing.sleep(wait * self._timing.uniform(0.8, 1.2))
            wait = min(wait * 2, _LONGEST_WAIT)

    def periodically(self, ready: Callable[[], bool], action: Callable[[], Awaitable[None]]) -> Action:
        """For a timer: only while `ready`; what cannot be reached is for the next time."""

        async def tick() -> None:
            if self._closed or not ready():
                return
            try:
                await action()
            except ChatServiceError as error:
                self._unreachable(error)
            except EngineError as error:
                _log.error("event.not_kept", bot=self._name, error=error.what)
            except Exception as error:  # noqa: BLE001 - no periodic work may die unseen: it ends the run
                self._fail(error)

        return tick

    async def close(self) -> None:
        """Cancel what is being done, and do nothing more."""
        self._closed = True
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.failure.cancel()

    def _unreachable(self, error: ChatServiceError, **more: object) -> None:
        _log.warning("service.unreachable", bot=self._name, error=error.what, **more)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failure.done():
            self.failure.set_exception(error)
