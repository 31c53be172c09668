"""Saying that the bots cannot keep up, before people do."""

from __future__ import annotations

import structlog

from framework.engine.port import Engine
from framework.errors import EngineError
from framework.runtime.core.bot import Limits
from framework.runtime.intake.timers import Timers
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
_LOOK = 10.0
_QUIET = 60.0


class Backlog:
    """Logs `run.behind`, at most once a minute, while jobs wait for longer than `Limits.behind`."""

    def __init__(self, engine: Engine, limits: Limits, timing: Timing) -> None:
        self._engine = engine
        self._limits = limits
        self._timing = timing
        self._said_at: float | None = None

    def schedule(self, timers: Timers) -> None:
        """Have it looked after."""
        timers.every(_LOOK, self.look, name="backlog")

    async def look(self) -> None:
        """Look once."""
        try:
            load = await self._engine.load()
        except EngineError as error:
            _log.warning("engine.unreachable", error=error.what)
            return
        now = self._timing.monotonic()
        quiet = self._said_at is not None and now - self._said_at < _QUIET
        if load.oldest < self._limits.behind or quiet:
            return
        self._said_at = now
        _log.warning(
            "run.behind",
            waiting=load.waiting,
            running=load.running,
            oldest_seconds=round(load.oldest, 1),
            hint="Start another replica, or look for what the turns wait for.",
        )
