"""Jobs that wait in the journal and are not in memory: too many for it, or overlooked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from framework.errors import EngineError

if TYPE_CHECKING:
    from framework.engine.journal import Journal
    from framework.engine.lanes import Lanes
    from framework.engine.orders import Partition, Rank

_log = structlog.get_logger(__name__)

_FEW = 10_000  # jobs in memory, at which more are fetched

Beside = Callable[[str, Coroutine[Any, Any, None]], None]
"""Has work of this name done beside the caller."""


class FurtherJobs:
    """Fetches them into the lanes, one fetch of a kind at a time."""

    def __init__(self, journal: Journal, lanes: Lanes, beside: Beside) -> None:
        self._journal = journal
        self._lanes = lanes
        self._beside = beside
        self._loading = self._auditing = False

    def load(self) -> None:
        """Fetch more where the journal holds more than fit into memory, if few are left there."""
        if self._loading or self._lanes.waiting > _FEW:
            return
        for after, partitions in self._lanes.truncated.items():
            self._loading = True
            self._beside("loading", self._load_after(after, partitions))
            return

    def look_for(self, keys: list[str]) -> None:
        """Fetch those of these jobs that no lane knows."""
        unknown = self._lanes.unknown(keys)
        if unknown and not self._auditing:
            self._auditing = True
            self._beside("audit", self._fetch(unknown))

    async def _load_after(self, after: Rank, partitions: Sequence[Partition]) -> None:
        try:
            found = await self._journal.more(partitions, after)
        finally:
            self._loading = False
        for news in found:
            still = [partition for partition in news.partitions if partition in self._lanes.partitions]
            self._lanes.own(still, news.bound)
            self._lanes.add(news.jobs)

    async def _fetch(self, keys: list[str]) -> None:
        try:
            self._lanes.add(await self._journal.named(keys))
        except EngineError as error:
            _log.warning("engine.failed", error=error.what)
        finally:
            self._auditing = False
