"""An event loop whose time jumps to the next timer when nothing else is to do: hours pass in milliseconds.

Everything that takes part lives in this loop, the sandbox server too. Time stands still while a call is on its way
between them, and runs as usual while something outside works: a thread, or a language model.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from framework.stream.timing import Timing
from framework.values import Untyped

_NAP = 0.05


class _Selector(selectors.DefaultSelector):
    """Waits in real time only while something outside the loop is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready. If nothing is, the loop's time goes on by the timeout."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.outside or timeout is None:
            started = time.perf_counter()
            ready = super().select(_NAP if timeout is None else min(timeout, _NAP))
            self.now += time.perf_counter() - started
            return ready
        # What was sent over loopback is there at once, or after the system that carries it had the processor.
        time.sleep(0)
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Timers fire in exact order, without waiting."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual.now

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """While the block runs, time passes as it does outside."""
        self._virtual.outside += 1
        try:
            yield
        finally:
            self._virtual.outside -= 1

    def run_in_executor(  # type: ignore[override]  # typeshed's declaration knows no star
        self,
        executor: Executor | None,
        func: Callable[..., Any],
        *args: Untyped,
    ) -> asyncio.Future[Any]:
        """As usual; time does not jump until the thread is done."""
        future = super().run_in_executor(executor, func, *args)
        self._virtual.outside += 1
        future.add_done_callback(self._back)
        return future

    def _back(self, _future: asyncio.Future[Any]) -> None:
        self._virtual.outside -= 1


def virtual_timing(loop: VirtualLoop, start: datetime) -> Timing:
    """The clocks of a virtual loop that begins at `start` (aware). Chance is its own mean."""
    return Timing(
        now=lambda: start + timedelta(seconds=loop.time()),
        monotonic=loop.time,
        sleep=asyncio.sleep,
        uniform=lambda low, high: (low + high) / 2,
    )
