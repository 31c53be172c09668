"""The thread through which a process talks to the engine's database.

Whatever is asked while a transaction commits shares the next one. Nothing here runs on the event loop, and a busy event
loop does not keep the thread from beating.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from framework.engine.port import SUSPECTED_AFTER, Job
from framework.engine.store import Claim, Order, Saving, Settling
from framework.storage.connection import ClashError, Trouble, failure, trouble

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from framework.engine.replica import Replica

_log = structlog.get_logger(__name__)

Question = Callable[["Connection", float], Any]
_MOST_ORDERS = 500
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_ERRORS = (SQLAlchemyError, ClashError, ValueError, TypeError, OverflowError)


@dataclass(eq=False)
class Ask:
    """A request to the database, and the future that waits for it. Requests whose future was cancelled are skipped.

    `stirs`: it may have let a job start. `reads`: it changes nothing.
    """

    work: Order | Question
    future: asyncio.Future[Any]
    stirs: bool = False
    reads: bool = False


class Listener(Protocol):
    """Who is told, on the event loop."""

    def claimed(self, claims: list[Claim]) -> None:
        """These jobs are to be executed here."""

    def fenced(self, owner: str) -> None:
        """Whatever was claimed under this id belongs to others."""

    def told(self, text: str) -> None:
        """Another replica said this."""


class Worker:
    """Owns the connection, the replica's identity, and the number of jobs that may start."""

    def __init__(self, replica: Replica, concurrency: int) -> None:
        self._replica = replica
        self._concurrency = concurrency
        self._queue: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
        self._pending: list[Ask] = []
        self._mine: dict[str, int] = {}  # the attempts of the jobs that run here
        self._suspects: set[str] = set()  # those of them that may have ended their process: one at a time
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None
        self._claiming = False
        self._wake = False
        self._next_due = math.inf
        self._next_look = 0.0
        self._not_before = 0.0
        self._pause = 0.0
        self._clashes = 0
        self._resync = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine database", daemon=True)

    def run(self) -> None:
        """Start the thread."""
        self._replica.listen(self._nudge, self._tell)
        self._thread.start()

    def begin(self, loop: asyncio.AbstractEventLoop, listener: Listener, scopes: Collection[str] | None) -> None:
        """Start jobs of these scopes (None: of all) from now on."""
        self._loop, self._listener = loop, listener
        self._replica.scopes = None if scopes is None else frozenset(scopes)
        self._claiming = True
        self._nudge()

    def hold(self) -> None:
        """Start no more jobs."""
        self._claiming = False

    def submit(self, ask: Ask) -> None:
        """Have something done. From the event loop alone."""
        self._loop = ask.future.get_loop()
        if self._stopping:
            ask.future.set_exception(self._replica.closed())
        else:
            self._queue.put(ask)

    def stop(self) -> None:
        """Do what was asked, as far as the database is there, leave it, and end. Blocks."""
        self._claiming = False
        self._stopping = True
        self._queue.put(None)
        self._thread.join()

    def _nudge(self) -> None:
        self._wake = True
        self._queue.put(None)

    def _tell(self, text: str) -> None:
        if self._listener is not None:
            self._call(self._listener.told, text)

    def _run(self) -> None:
        while not self._stopping:
            self._collect()
            self._guard(self._turn)
        self._collect()
        if self._replica.connected:
            self._guard(self._orders)
        if self._replica.connected:
            self._guard(self._questions)
        self._guard(self._replica.leave)
        self._collect()
        self._answer([(ask, self._replica.closed()) for ask in self._pending])

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:  # noqa: BLE001 - the boundary of the thread: if it ended, every job of the process would wait
            _log.exception("engine.failed")
            self._back_off()

    def _turn(self) -> None:
        try:
            if self._replica.connect() or self._resync:
                self._replica.resume(self._mine)
                self._resync = False
        except _ERRORS as error:
            self._struck(error)
            return
        for step in (self._orders, self._questions, self._look_after):
            if self._replica.connected:
                step()

    def _collect(self) -> None:
        """Wait until there is something to do, and take everything that was asked."""
        while True:
            now = self._replica.monotonic()
            resting = now < self._not_before
            if self._stopping or (not resting and (self._pending or self._wake or now >= self._deadline())):
                break
            limit = self._not_before if resting else self._deadline()
            try:
                self._take(self._queue.get(timeout=max(0.0, limit - now)))
            except queue.Empty:
                continue
        while not self._queue.empty():
            self._take(self._queue.get_nowait())

    def _take(self, ask: Ask | None) -> None:
        if ask is not None:
            self._pending.append(ask)

    def _deadline(self) -> float:
        return min(self._replica.next_heartbeat, self._next_due, self._next_look)

    def _orders(self) -> None:
        """One transaction for everything that was ordered, and for what can start now."""
        if self._replica.monotonic() >= self._next_due:
            self._wake, self._next_due = True, math.inf
        self._pending = [ask for ask in self._pending if not ask.future.cancelled()]
        asks = [ask for ask in self._pending if not callable(ask.work)][:_MOST_ORDERS]
        starts = self._wake and self._claiming and len(self._mine) < self._concurrency
        self._wake = False
        if asks or (starts and self._anything_ready()):
            self._transact(asks, starts=starts)

    def _anything_ready(self) -> bool:
        """A look that takes no lock."""
        try:
            return self._replica.anything_ready(self._due_in, suspect=not self._suspects)
        except _ERRORS as error:
            self._struck(error)
            return False

    def _transact(self, asks: list[Ask], *, starts: bool) -> None:
        works = [ask.work for ask in asks]
        orders = [work for work in works if isinstance(work, Job | Saving | Settling)]
        ending = {order.token.key for order in orders if isinstance(order, Settling)}
        free = self._concurrency - len(self._mine) + len(ending) if self._claiming else 0
        try:
            answers = self._replica.execute(orders, free, look=starts, suspect=not self._suspects - ending)
        except _ERRORS as error:
            self._struck(error, asks)
            return
        self._recovered()
        for order in orders:
            if isinstance(order, Settling) and self._mine.get(order.token.key) == order.token.attempt:
                del self._mine[order.token.key]
                self._suspects.discard(order.token.key)
        self._mine.update({claim.token.key: claim.token.attempt for claim in answers.claims})
        self._suspects |= {claim.token.key for claim in answers.claims if claim.crashes >= SUSPECTED_AFTER}
        if answers.looked:
            self._due_in(answers.next_due)
        done = set(map(id, asks))
        self._pending = [ask for ask in self._pending if id(ask) not in done]
        self._answer([(ask, answers.fulfilled[n]) for n, ask in enumerate(asks)], answers.claims)

    def _due_in(self, seconds: float | None) -> None:
        self._next_due = math.inf if seconds is None else self._replica.monotonic() + max(0.0, seconds)

    def _questions(self) -> None:
        for ask in [ask for ask in self._pending if callable(ask.work)]:
            if ask.future.cancelled() or not callable(ask.work):
                continue
            try:
                answer = self._replica.ask(ask.work, reads=ask.reads)
            except _ERRORS as error:
                self._struck(error, [ask])
                return
            self._pending.remove(ask)
            self._wake |= ask.stirs
            self._answer([(ask, answer)])

    def _look_after(self) -> None:
        """Beat when it is time, and look for what others did."""
        now = self._replica.monotonic()
        try:
            if now >= self._replica.next_heartbeat:
                self._heartbeat()
            if now >= self._next_look:
                self._next_look = now + self._replica.look_every
                self._wake |= self._replica.changed()
        except _ERRORS as error:
            self._struck(error)

    def _heartbeat(self) -> None:
        rejoined = self._replica.heartbeat()
        self._recovered()
        self._wake |= self._replica.stirred
        if rejoined is not None:
            self._mine.clear()
            self._suspects.clear()
            if self._loop is not None and self._listener is not None:
                self._call(self._listener.fenced, rejoined)

    def _struck(self, error: Exception, asks: list[Ask] | None = None) -> None:
        """Decide what an error means for what was being done."""
        kind = trouble(error)
        if kind is Trouble.CLASH and self._clashes < 20:
            self._clashes += 1
            self._wake = True
            return
        if kind is Trouble.BAD and asks and len(asks) > 1:
            for ask in asks:
                if self._replica.connected:
                    self._transact([ask], starts=True)
            return
        said = failure(error, self._replica.address)
        if kind is Trouble.BAD and asks:
            _log.error("engine.refused", error=said.what)
            self._reject(asks, said)
            return
        if self._pause == 0:
            _log.warning("engine.database_lost", error=said.what, database=self._replica.address.shown)
        self._replica.trouble = said
        self._wake = True
        if kind is Trouble.FULL:
            self._reject([ask for ask in self._pending if not isinstance(ask.work, Settling)], said)
        elif kind is not Trouble.BUSY:
            self._replica.disconnect()
        self._resync = True
        self._back_off()

    def _back_off(self) -> None:
        self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
        self._not_before = self._replica.monotonic() + self._pause * self._replica.uniform(0.7, 1.0)

    def _recovered(self) -> None:
        self._clashes = 0
        if self._pause:
            self._pause = 0.0
            self._replica.trouble = None
            _log.info("engine.database_back", database=self._replica.address.shown)

    def _reject(self, asks: list[Ask], error: Exception) -> None:
        gone = set(map(id, asks))
        self._pending = [ask for ask in self._pending if id(ask) not in gone]
        self._answer([(ask, error) for ask in asks])

    def _answer(self, answers: list[tuple[Ask, Any]], claims: list[Claim] | None = None) -> None:
        if answers or claims:
            self._call(self._deliver, answers, claims or [])

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _deliver(self, answers: list[tuple[Ask, Any]], claims: list[Claim]) -> None:
        for ask, answer in answers:
            if ask.future.done():
                continue
            if isinstance(answer, Exception):
                ask.future.set_exception(answer)
            else:
                ask.future.set_result(answer)
        if claims and self._listener is not None:
            self._listener.claimed(claims)
