"""A journal in a SQLite file or a Postgres server: one thread a process does all of its work there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from framework.engine.job_results import SHORTEST_PREFIX
from framework.engine.journal import Landed, Listener, Retention
from framework.engine.liveness import Rhythm
from framework.engine.orders import Answer, Kept, News, Order, Partition, Rank, Token
from framework.engine.owners import Scopes
from framework.engine.port import Job, Load, Record, State
from framework.engine.replica import Replica
from framework.engine.worker import Ask, Question, Worker
from framework.errors import EngineError
from framework.storage import connection as database
from framework.values import Untyped

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_log = structlog.get_logger(__name__)


def open_database_journal(
    url: str,
    name: str | None,
    rhythm: Rhythm,
    retention: Retention,
    *,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
    uniform: Callable[[float, float], float],
    version: int,
) -> DatabaseJournal:
    """Open the database and join it as a replica. Blocks. Raises SettingsError and EngineError."""
    address = database.address(url)
    try:
        here = Replica(
            address,
            name or uuid4().hex[:12],
            rhythm,
            retention,
            clock=clock,
            monotonic=monotonic,
            uniform=uniform,
            version=version,
        )
    except SQLAlchemyError as error:
        raise database.failure(error, address) from None
    try:
        here.open()
    except SQLAlchemyError as error:
        here.abandon()
        raise database.failure(error, address) from None
    except EngineError:
        here.abandon()
        raise
    worker = Worker(here)
    worker.run()
    return DatabaseJournal(here, worker)


class DatabaseJournal:
    """See `Journal`."""

    def __init__(self, replica: Replica, worker: Worker) -> None:
        self.replica = replica
        self.worker = worker

    @property
    def name(self) -> str:
        """See `Journal.name`."""
        return self.replica.name

    @property
    def shown(self) -> str:
        """See `Journal.shown`."""
        return self.replica.address.shown

    @property
    def owner(self) -> str:
        """See `Journal.owner`."""
        return self.replica.id

    @property
    def scopes(self) -> Scopes:
        """See `Journal.scopes`."""
        return self.replica.scopes

    @property
    def has_others(self) -> bool:
        """See `Journal.has_others`."""
        return self.replica.has_others

    @property
    def trouble(self) -> EngineError | None:
        """See `Journal.trouble`."""
        return self.replica.trouble

    def begin(self, listener: Listener) -> None:
        """See `Journal.begin`."""
        self.worker.begin(asyncio.get_running_loop(), listener)

    def hold(self) -> None:
        """See `Journal.hold`."""
        self.worker.hold()

    def trusts(self, owner: str) -> bool:
        """See `Journal.trusts`."""
        return self.replica.trusts(owner)

    def order(self, order: Order, landed: Landed | None = None) -> asyncio.Future[Answer]:
        """See `Journal.order`."""
        ask = self._submit(order, landed=landed)
        if landed is not None:
            ask.future.add_done_callback(_seen)
        return ask.future

    def release(self, owner: str, partitions: Sequence[Partition]) -> None:
        """See `Journal.release`."""
        self._ask_beside(lambda connection, _: self.replica.release(connection, owner, partitions))

    def withdraw(self) -> None:
        """See `Journal.withdraw`."""
        self._ask_beside(lambda connection, _: self.replica.withdraw(connection))

    async def serve(self, scopes: Scopes, *, hears: bool) -> None:
        """See `Journal.serve`."""
        await self.ask(lambda connection, _: self.replica.serve(connection, scopes, hears=hears), stirs=True)
        await self.ask(lambda _connection, _: None, reads=True)  # by then it has claimed what is nobody's

    async def say(self, text: str) -> None:
        """See `Journal.say`."""
        await self.ask(lambda connection, now: self.replica.broadcast(connection, text, now))

    async def held(self, token: Token) -> bool:
        """See `Journal.held`."""
        return bool(await self.ask(lambda connection, _: self.replica.jobs.held(connection, token), reads=True))

    async def cancel(self, key: str) -> Token | bool:
        """See `Journal.cancel`."""
        jobs = self.replica.jobs
        found: Token | bool = await self.ask(lambda connection, now: jobs.cancel(connection, key, now), stirs=True)
        return found

    async def named(self, keys: Sequence[str]) -> Sequence[Kept]:
        """See `Journal.named`."""
        found: Sequence[Kept] = await self.ask(lambda connection, _: self.replica.named(connection, keys), reads=True)
        return found

    async def more(self, partitions: Sequence[Partition], after: Rank) -> Sequence[News]:
        """See `Journal.more`."""
        found: Sequence[News] = await self.ask(
            lambda connection, _: self.replica.more(connection, partitions, after), reads=True
        )
        return found

    async def holds(self, key: str) -> bool:
        """See `Journal.holds`."""
        return bool(await self.ask(lambda connection, _: self.replica.jobs.holds(connection, key), reads=True))

    async def load(self) -> Load:
        """See `Journal.load`."""
        replica = self.replica
        load: Load = await self.ask(
            lambda connection, now: replica.jobs.load(connection, now, replica.counted), reads=True
        )
        return load

    async def records(self, states: Sequence[State], limit: int) -> Sequence[Record]:
        """See `Journal.records`."""
        found: list[Record] = await self.ask(
            lambda connection, _: self.replica.jobs.records(connection, states, limit), reads=True
        )
        return found

    async def record(self, key: str) -> Record | None:
        """See `Journal.record`."""
        found: Record | None = await self.ask(
            lambda connection, _: self.replica.jobs.record(connection, key, SHORTEST_PREFIX), reads=True
        )
        return found

    async def retry(self, key: str) -> bool:
        """See `Journal.retry`."""
        jobs = self.replica.jobs
        return bool(await self.ask(lambda connection, now: jobs.retry(connection, key, now), stirs=True))

    async def left_waiting(self, limit: int) -> Sequence[Job]:
        """See `Journal.left_waiting`."""
        found: Sequence[Job] = await self.ask(
            lambda connection, _: self.replica.left_waiting(connection, limit), reads=True
        )
        return found

    async def close(self) -> None:
        """See `Journal.close`."""
        self.worker.stop()
        await asyncio.to_thread(self.worker.join)

    async def ask(self, question: Question, *, stirs: bool = False, reads: bool = False) -> Untyped:
        """Have a question answered in a transaction of its own. `stirs`: it may have let a job start."""
        return await self._submit(question, stirs=stirs, reads=reads).future

    def _ask_beside(self, question: Callable[[Connection, float], None]) -> None:
        """Have something done that nobody waits for: if it fails, it is done again by the next heartbeat."""
        self._submit(question).future.add_done_callback(_logged)

    def _submit(
        self, work: Order | Question, *, landed: Landed | None = None, stirs: bool = False, reads: bool = False
    ) -> Ask:
        ask = Ask(work, asyncio.get_running_loop().create_future(), stirs=stirs, reads=reads, landed=landed)
        self.worker.submit(ask)
        return ask


def _seen(future: asyncio.Future[Any]) -> None:
    """An answer that somebody was told of who does not wait for it."""
    if not future.cancelled():
        future.exception()


def _logged(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _log.warning("engine.failed", error=str(error))
