"""Jobs that all replicas hear of and that the owners of their lanes keep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import structlog

from framework.engine.owners import partition_of
from framework.errors import EngineError

if TYPE_CHECKING:
    from framework.engine.orders import Partition
    from framework.engine.port import Job

_log = structlog.get_logger(__name__)

_OTHERS_HAVE = 1.0  # seconds in which the owner of a lane keeps what every replica hears of


class LeftJobs:
    """What was left to others. After a moment it is kept here, in case that its owner did not: `keep` does that."""

    def __init__(self, keep: Callable[[Job], asyncio.Future[Any]]) -> None:
        self._keep = keep
        self._left: dict[str, tuple[Job, asyncio.TimerHandle]] = {}

    def leave(self, job: Job) -> None:
        """Leave it to its owner for a moment."""
        if job.key not in self._left:
            timer = asyncio.get_running_loop().call_later(_OTHERS_HAVE, self._keep_after_all, job.key)
            self._left[job.key] = (job, timer)

    def forget(self, key: str) -> None:
        """Leave it for good: its owner has kept it."""
        if key in self._left:
            self._left.pop(key)[1].cancel()

    def keep_all(self) -> None:
        """Keep at once whatever was left to others."""
        for key in list(self._left):
            self._keep_after_all(key)

    def keep_in(self, partitions: Collection[Partition]) -> None:
        """Keep at once what was left to the owner of these partitions."""
        for key, (job, _) in list(self._left.items()):
            if partition_of(job) in partitions:
                self._keep_after_all(key)

    def _keep_after_all(self, key: str) -> None:
        job, timer = self._left.pop(key)
        timer.cancel()
        self._keep(job).add_done_callback(_unless_kept)


def _unless_kept(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and isinstance(error := future.exception(), EngineError):
        _log.error("event.not_kept", error=error.what)
