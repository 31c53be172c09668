"""Turns that failed without the channel being told, and when to try them again."""

from __future__ import annotations

from datetime import datetime, timedelta

from framework.engine.port import Job
from framework.runtime.bot import Limits
from framework.stream.timing import Timing


class Retries:
    """Each failure of a job doubles its wait, from `Limits.first_retry` to `Limits.last_retry` seconds, with jitter."""

    def __init__(self, limits: Limits, timing: Timing) -> None:
        self._limits = limits
        self._timing = timing
        self._waiting: dict[str, tuple[datetime, Job]] = {}
        self._failures: dict[str, int] = {}

    def note(self, job: Job) -> float:
        """The job failed. Returns the seconds that it waits."""
        failures = self._failures.get(job.key, 0)
        self._failures[job.key] = failures + 1
        wait = min(self._limits.first_retry * 2.0 ** min(failures, 20), self._limits.last_retry)
        wait *= self._timing.uniform(0.8, 1.2)
        self._waiting[job.key] = (self._timing.now() + timedelta(seconds=wait), job)
        return wait

    def forget(self, key: str) -> None:
        """The job is settled."""
        self._waiting.pop(key, None)
        self._failures.pop(key, None)

    def holds(self, key: str) -> bool:
        """Whether this job waits for its next try."""
        return key in self._waiting

    def take_due(self) -> list[Job]:
        """The jobs whose wait is over; they wait no more."""
        now = self._timing.now()
        return self._take([key for key, (due, _) in self._waiting.items() if due <= now])

    def take_all(self) -> list[Job]:
        """All that wait: the connection is back, so a try is worth it now."""
        return self._take(list(self._waiting))

    def _take(self, keys: list[str]) -> list[Job]:
        return [self._waiting.pop(key)[1] for key in keys]
