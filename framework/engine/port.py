"""The port to an engine: what a job is, and what may be asked of whoever executes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Verdict = Literal["done", "again"]
"""What a handler says of a job: it is settled for good, or the same key may be accepted once more."""


@dataclass(frozen=True)
class Job:
    """Something to do, as plain data (JSON values only), so that it can be kept outside the process.

    `key` names the job: it is accepted once. Jobs of one `lane` run one at a time, in the order of `order`, a string
    that must come from the event itself and never from the local clock.
    """

    key: str
    lane: str
    order: str
    payload: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[[Job], Awaitable[Verdict]]


class Engine(Protocol):
    """Executes jobs by one handler.

    Execution is at least once across crashes; a key is settled once. No job waits for ever: a lane with a job waiting
    gets its turn before another lane gets a second one.
    """

    async def start(self, handler: Handler) -> None:
        """Begin to execute. Jobs accepted earlier run now."""

    async def accept(self, job: Job) -> bool:
        """Take a job over. False: its key is waiting, running or settled, and nothing happens; or the engine drains."""

    def holds(self, key: str) -> bool:
        """Whether this job is waiting or running here."""

    async def cancel(self, key: str) -> bool:
        """Drop a waiting job or cancel a running one; its key may be accepted again. False: it is not held."""

    async def settled(self) -> None:
        """Return once nothing waits and nothing runs."""

    async def drain(self, seconds: float) -> tuple[Job, ...]:
        """Accept nothing more, start nothing more, let running jobs finish for this long, then cancel them.

        Returns the jobs that were not settled, for the log: whoever recovers finds them again.
        """
