"""The port to whatever keeps jobs outside the process: a SQLite file, a Postgres server, NATS JetStream.

A journal keeps jobs, results of steps, and who owns which partition. It refuses each write of a try that lost its job.
The engine above it decides which job runs next, and runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from framework.engine.orders import Answer, Kept, News, Order, Partition, Rank, Token
from framework.engine.owners import Scopes
from framework.engine.port import Job, Load, Record, State
from framework.errors import EngineError

_HOUR = 3600.0

Landed = Callable[[Answer | None], None]


@dataclass(frozen=True)
class Retention:
    """For how many seconds what has ended is kept. `settled`: longer than any event may still be delivered once more.

    `steps`: after that the results of a settled job's steps are deleted; their names, and the job, stay.
    """

    settled: float = 7 * 24 * _HOUR
    dead: float = 90 * 24 * _HOUR
    steps: float = _HOUR
    batch: int = 1_000


class Listener(Protocol):
    """Who is told, on the event loop."""

    def owned(self, news: News) -> None:
        """These partitions are ours, and this waits in them."""

    def found(self, news: News) -> None:
        """Others left this in our partitions."""

    def audited(self, keys: list[str]) -> None:
        """Take these keys for all that waits in our partitions."""

    def unowned(self, partitions: set[Partition]) -> None:
        """These partitions should be others': release them as soon as nothing runs in them."""

    def fenced(self, owner: str, rejoined: str) -> None:
        """Whatever was claimed under this id belongs to others."""

    def told(self, text: str) -> None:
        """Another replica said this."""


class Journal(Protocol):
    """One replica's part in a journal that all replicas share. Every call is made from the event loop.

    Coroutines wait for a journal that is away, however long that takes: the caller bounds it. They raise EngineError
    if the journal refuses, or if it was closed. `trouble` is what keeps this replica from the journal at the moment.
    """

    @property
    def name(self) -> str:
        """The name of this replica."""

    @property
    def shown(self) -> str:
        """Where the journal is, for people: without a password."""

    @property
    def owner(self) -> str:
        """As whom this replica owns partitions. Another one after it was declared dead."""

    @property
    def scopes(self) -> Scopes:
        """Whose jobs this replica runs."""

    @property
    def has_others(self) -> bool:
        """Whether other replicas live, as far as is known."""

    @property
    def trouble(self) -> EngineError | None:
        """See above."""

    def begin(self, listener: Listener) -> None:
        """Claim partitions from now on, and tell `listener`, on the event loop that runs now."""

    def hold(self) -> None:
        """Claim and start nothing more."""

    def trusts(self, owner: str) -> bool:
        """Whether we are this owner, and nobody can have declared us dead. Asks nobody."""

    def order(self, order: Order, landed: Landed | None = None) -> asyncio.Future[Answer]:
        """Have an order fulfilled. `landed` is called once, with its answer; None where it was not fulfilled."""

    def release(self, owner: str, partitions: Sequence[Partition]) -> None:
        """Let others have these, which we owned under this id and in which nothing runs."""

    def withdraw(self) -> None:
        """Tell others that we run nothing more, so that they take the partitions that we release."""

    async def serve(self, scopes: Scopes, *, hears: bool) -> None:
        """Run the jobs of these scopes from now on. Returns once the partitions that are nobody's are claimed."""

    async def say(self, text: str) -> None:
        """Tell all other replicas that live now something small. It is kept nowhere."""

    async def held(self, token: Token) -> bool:
        """Whether a job is still this try's."""

    async def cancel(self, key: str) -> Token | bool:
        """Forget a job that waits: True. Where it runs here, which try that is. False: there is nothing to cancel."""

    async def named(self, keys: Sequence[str]) -> Sequence[Kept]:
        """Those of these jobs that wait."""

    async def more(self, partitions: Sequence[Partition], after: Rank) -> Sequence[News]:
        """Further jobs of partitions that we own, those of a higher rank than `after`."""

    async def holds(self, key: str) -> bool:
        """See `Engine.holds`."""

    async def load(self) -> Load:
        """See `Engine.load`."""

    async def records(self, states: Sequence[State], limit: int) -> Sequence[Record]:
        """See `Engine.records`."""

    async def record(self, key: str) -> Record | None:
        """See `Engine.record`."""

    async def retry(self, key: str) -> bool:
        """See `Engine.retry`."""

    async def left_waiting(self, limit: int) -> Sequence[Job]:
        """The jobs that wait for nobody but us."""

    async def close(self) -> None:
        """Do what was ordered, as far as the journal can be reached, and leave it. Safe to call once."""
