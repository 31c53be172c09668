"""A journal in NATS JetStream. A thread with an event loop of its own does all of its work, as a busy event loop of the
process must not keep it from saying that it lives.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog

from framework.aio import cancel_repeatedly
from framework.engine.journal import Landed, Listener, Retention
from framework.engine.liveness import Rhythm
from framework.engine.nats.address import NatsAddress
from framework.engine.nats.replica import NatsReplica
from framework.engine.orders import Answer, Kept, News, Order, Partition, Rank, Token
from framework.engine.owners import Scopes
from framework.engine.port import Job, Load, Record, State
from framework.errors import EngineError, FrameworkError

_log = structlog.get_logger(__name__)

T = TypeVar("T")
_LONGEST_CLOSE = 30.0  # seconds
_LONGEST_STOP = 5.0  # seconds
_Ordered = tuple[Order, Landed | None, "asyncio.Future[Answer]"]


def open_nats_journal(
    address: NatsAddress,
    name: str | None,
    rhythm: Rhythm,
    retention: Retention,
    *,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
    uniform: Callable[[float, float], float],
    version: int,
) -> NatsJournal:
    """Connect, and join as a replica. Blocks. Raises EngineError."""
    journal = NatsJournal()
    make = partial(
        NatsReplica,
        address,
        name,
        rhythm,
        retention,
        journal,
        clock=clock,
        monotonic=monotonic,
        uniform=uniform,
        version=version,
    )
    journal.run(make)
    return journal


class NatsJournal:
    """See `Journal`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine journal", daemon=True)
        self._replica: NatsReplica | None = None
        self._main: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None
        self._orders: deque[_Ordered] = deque()
        self._answers: deque[tuple[_Ordered, Answer | FrameworkError]] = deque()
        self._working: set[asyncio.Task[None]] = set()
        self._closed = False

    def run(self, make: Callable[[], NatsReplica]) -> None:
        """Start the thread, and open the replica there. Raises EngineError."""
        self._thread.start()

        async def opened() -> NatsReplica:
            replica = make()
            try:
                await replica.open()
            except BaseException:
                await replica.store.close()
                raise
            return replica

        try:
            self._replica = asyncio.run_coroutine_threadsafe(opened(), self._loop).result()
        except BaseException:
            self._stop()
            raise

    @property
    def replica(self) -> NatsReplica:
        """The replica, which belongs to the thread."""
        if self._replica is None:
            raise EngineError("The journal is not open.")
        return self._replica

    @property
    def name(self) -> str:
        """See `Journal.name`."""
        return self.replica.name

    @property
    def shown(self) -> str:
        """See `Journal.shown`."""
        return self.replica.store.address.shown

    @property
    def owner(self) -> str:
        """See `Journal.owner`."""
        return self.replica.members.identity

    @property
    def scopes(self) -> Scopes:
        """See `Journal.scopes`."""
        return self.replica.scopes

    @property
    def has_others(self) -> bool:
        """See `Journal.has_others`."""
        return bool(self.replica.members.others)

    @property
    def trouble(self) -> EngineError | None:
        """See `Journal.trouble`."""
        return self.replica.store.trouble

    def begin(self, listener: Listener) -> None:
        """See `Journal.begin`."""
        self._main, self._listener = asyncio.get_running_loop(), listener

    def hold(self) -> None:
        """See `Journal.hold`."""
        self.replica.hold()

    def trusts(self, owner: str) -> bool:
        """See `Journal.trusts`."""
        return self.replica.members.trusts(owner)

    def order(self, order: Order, landed: Landed | None = None) -> asyncio.Future[Answer]:
        """See `Journal.order`. One that nobody waits for any more is fulfilled all the same."""
        main = self._main = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = main.create_future()
        if landed is not None:
            future.add_done_callback(_seen)
        if self._closed:
            future.set_exception(self.replica.store.closed())
            if landed is not None:
                landed(None)
            return future
        self._orders.append((order, landed, future))
        if len(self._orders) == 1:
            self._loop.call_soon_threadsafe(self._take)
        return future

    def release(self, owner: str, partitions: Sequence[Partition]) -> None:
        """See `Journal.release`."""
        self._beside(self.replica.release(owner, list(partitions)))

    def withdraw(self) -> None:
        """See `Journal.withdraw`."""
        self._beside(self.replica.withdraw())

    async def serve(self, scopes: Scopes, *, hears: bool) -> None:
        """See `Journal.serve`."""
        await self._do(self.replica.serve(scopes, hears=hears))

    async def say(self, text: str) -> None:
        """See `Journal.say`."""
        await self._do(self.replica.say(text))

    async def held(self, token: Token) -> bool:
        """See `Journal.held`."""
        return await self._do(self.replica.held(token))

    async def cancel(self, key: str) -> Token | bool:
        """See `Journal.cancel`."""
        return await self._do(self.replica.cancel(key))

    async def named(self, keys: Sequence[str]) -> Sequence[Kept]:
        """See `Journal.named`. Nothing is overlooked here: each look goes on where the one before ended."""
        return ()

    async def more(self, partitions: Sequence[Partition], after: Rank) -> Sequence[News]:
        """See `Journal.more`. All that waits is in memory."""
        return ()

    async def holds(self, key: str) -> bool:
        """See `Journal.holds`."""
        return await self._do(self.replica.questions.found(key)) is not None

    async def load(self) -> Load:
        """See `Journal.load`."""
        return await self._do(self.replica.load())

    async def records(self, states: Sequence[State], limit: int) -> Sequence[Record]:
        """See `Journal.records`."""
        return await self._do(self.replica.questions.records(states, limit))

    async def record(self, key: str) -> Record | None:
        """See `Journal.record`."""
        return await self._do(self.replica.questions.record(key))

    async def retry(self, key: str) -> bool:
        """See `Journal.retry`."""
        return await self._do(self.replica.questions.retry(key))

    async def left_waiting(self, limit: int) -> Sequence[Job]:
        """See `Journal.left_waiting`."""
        if self.has_others:
            return ()
        return await self._do(self.replica.questions.waiting(limit, self.scopes or None))

    async def close(self) -> None:
        """See `Journal.close`."""
        self._closed = True
        closing = asyncio.run_coroutine_threadsafe(self._finish(), self._loop)
        finished = asyncio.wrap_future(closing)
        await asyncio.wait({finished}, timeout=_LONGEST_CLOSE)
        if finished.done():
            finished.result()
        else:
            finished.cancel()
            _log.warning("engine.not_closed", orders=len(self._working), seconds=_LONGEST_CLOSE)
        await asyncio.to_thread(self._stop)
        self._deliver()

    def owned(self, news: News) -> None:
        """See `NatsListener.owned`."""
        self._tell(lambda listener: listener.owned(news))

    def found(self, news: News) -> None:
        """See `NatsListener.found`."""
        self._tell(lambda listener: listener.found(news))

    def unowned(self, partitions: set[Partition]) -> None:
        """See `NatsListener.unowned`."""
        self._tell(lambda listener: listener.unowned(partitions))

    def lost(self, owner: str, rejoined: str) -> None:
        """See `NatsListener.lost`."""
        self._tell(lambda listener: listener.fenced(owner, rejoined))

    def told(self, text: str) -> None:
        """See `NatsListener.told`."""
        self._tell(lambda listener: listener.told(text))

    def _tell(self, what: Callable[[Listener], None]) -> None:
        if self._listener is not None:
            self._call(what, self._listener)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        if self._main is not None and not self._main.is_closed():
            self._main.call_soon_threadsafe(function, *arguments)

    def _take(self) -> None:
        """On the thread: begin all that was ordered. Orders of one partition are written one after the other."""
        while self._orders:
            task = self._loop.create_task(self._fulfil(self._orders.popleft()))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def _fulfil(self, ordered: _Ordered) -> None:
        try:
            answer: Answer | FrameworkError = await self.replica.writes.fulfil(ordered[0])
        except FrameworkError as error:
            answer = error
        except asyncio.CancelledError:  # a connection that closes cancels its reads: whoever waits is told
            answer = self.replica.store.closed()
        except Exception as error:  # noqa: BLE001 - the boundary of an order: whoever waits for it is told
            _log.exception("engine.failed")
            answer = EngineError(f"The journal refused: {type(error).__name__}.", where=self.shown)
        self._answers.append((ordered, answer))
        if len(self._answers) == 1:
            self._call(self._deliver)

    def _deliver(self) -> None:
        while self._answers:
            (_, landed, future), answer = self._answers.popleft()
            if landed is not None:
                landed(None if isinstance(answer, FrameworkError) else answer)
            if future.done():
                continue
            if isinstance(answer, FrameworkError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _do(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise self.replica.store.closed()
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise self.replica.store.closed() from None  # the journal ended meanwhile, not the caller

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that nobody waits for."""
        if self._closed:
            work.close()
            return

        async def logged() -> None:
            try:
                await work
            except EngineError as error:
                _log.warning("engine.failed", error=error.what)

        asyncio.run_coroutine_threadsafe(logged(), self._loop)

    async def _finish(self) -> None:
        """Write what was ordered, if NATS is there; leave; answer whoever still waits."""
        self._take()
        if self._working and self.trouble is None:
            await asyncio.wait(set(self._working), timeout=5.0)
        await self.replica.close()
        if self._working:
            await asyncio.wait(set(self._working), timeout=5.0)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread.is_alive():
            self._thread.join(_LONGEST_STOP)
        if self._thread.is_alive():  # a daemon: it ends with the process
            _log.warning("engine.thread_left", seconds=_LONGEST_STOP)
            return
        self._loop.run_until_complete(cancel_repeatedly(*asyncio.all_tasks(self._loop), every=0.05))
        self._loop.run_until_complete(asyncio.sleep(0))  # whoever waited for one of them is told
        self._loop.close()


def _seen(future: asyncio.Future[Any]) -> None:
    """An answer that somebody was told of who does not wait for it."""
    if not future.cancelled():
        future.exception()
