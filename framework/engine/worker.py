"""The thread through which a process talks to the engine's database.

Whatever is asked while a transaction commits shares the next one. Nothing here runs on the event loop, and a busy event
loop does not keep the thread from beating.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from framework.engine.journal import Listener
from framework.engine.orders import Answer, Order, Settling, Token
from framework.storage.connection import ClashError, Trouble, failure, trouble

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from framework.engine.replica import Replica

_log = structlog.get_logger(__name__)

Question = Callable[["Connection", float], Any]
_MOST_ORDERS = 500
_CLASHES_BEFORE_WAITING = 3  # then what was to start waits: its lane may not be free
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_ERRORS = (SQLAlchemyError, ClashError, ValueError, TypeError, OverflowError)


@dataclass(eq=False)
class Ask:
    """A request to the database, and the future that waits for it. Requests whose future was cancelled are skipped.

    `stirs`: it may have let a job start. `reads`: it changes nothing. `landed` is called once, on the event loop, with
    the answer of an order; None where it was not fulfilled.
    """

    work: Order | Question
    future: asyncio.Future[Any]
    stirs: bool = False
    reads: bool = False
    landed: Callable[[Answer | None], None] | None = None

    def land(self, answer: Answer | None) -> None:
        """Say how it ended, the first time only."""
        landed, self.landed = self.landed, None
        if landed is not None:
            landed(answer)


class Worker:
    """Owns the connection, the replica's identity, and the number of jobs that may start."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._queue: queue.SimpleQueue[list[Ask]] = queue.SimpleQueue()
        self._asked: list[Ask] = []  # in this round of the event loop
        self._pending: list[Ask] = []
        self._mine: dict[str, int] = {}  # the attempts of the jobs that run here
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None
        self._claiming = False
        self._wake = False
        self._next_look = 0.0
        self._next_audit = 0.0
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

    def begin(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        """Start jobs from now on, those of the partitions that we come to own."""
        self._loop, self._listener = loop, listener
        self._claiming = True
        self._nudge()

    def hold(self) -> None:
        """Start no more jobs."""
        self._claiming = False

    def submit(self, ask: Ask) -> None:
        """Have something done. From the event loop alone. All of one round wakes the thread once."""
        self._loop = ask.future.get_loop()
        if self._stopping:
            ask.future.set_exception(self._replica.closed())
            ask.land(None)
            return
        if not self._asked:
            self._loop.call_soon(self._hand_over)
        self._asked.append(ask)

    def _hand_over(self) -> None:
        asked, self._asked = self._asked, []
        if asked:
            self._queue.put(asked)

    def stop(self) -> None:
        """Take nothing more, do what was asked, as far as the database is there, and leave it. From the event loop."""
        self._claiming = False
        self._hand_over()
        self._stopping = True
        self._queue.put([])

    def join(self) -> None:
        """Wait for the end after `stop`. Blocks."""
        self._thread.join()

    def _nudge(self) -> None:
        self._wake = True
        self._queue.put([])

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
                self._pending += self._queue.get(timeout=max(0.0, limit - now))
            except queue.Empty:
                continue
        while not self._queue.empty():
            self._pending += self._queue.get_nowait()

    def _deadline(self) -> float:
        return min(self._replica.next_heartbeat, self._next_look)

    def _orders(self) -> None:
        """One transaction for everything that was ordered."""
        dropped = [ask for ask in self._pending if ask.future.cancelled()]
        if dropped:
            self._pending = [ask for ask in self._pending if not ask.future.cancelled()]
            self._call(self._land, [(ask, None) for ask in dropped])
        asks = [ask for ask in self._pending if not callable(ask.work)][:_MOST_ORDERS]
        if asks:
            self._transact(asks)

    def _transact(self, asks: list[Ask]) -> None:
        orders = [ask.work for ask in asks if not callable(ask.work)]
        starts = self._claiming and self._clashes < _CLASHES_BEFORE_WAITING
        try:
            answers = self._replica.execute(orders, starts=starts)
        except _ERRORS as error:
            self._struck(error, asks)
            return
        self._recovered()
        for order, answer in zip(orders, answers, strict=True):
            if isinstance(answer, Token):
                self._mine[answer.key] = answer.attempt
            elif isinstance(order, Settling) and self._mine.get(order.token.key) == order.token.attempt:
                del self._mine[order.token.key]
        done = set(map(id, asks))
        self._pending = [ask for ask in self._pending if id(ask) not in done]
        self._answer(list(zip(asks, answers, strict=True)))

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
        """Send a heartbeat when it is time, and look for what others did."""
        now = self._replica.monotonic()
        try:
            if now >= self._replica.next_heartbeat:
                self._heartbeat()
            if self._claiming and now >= self._next_audit:
                self._next_audit = now + self._replica.rhythm.audit
                if self._listener is not None:
                    self._call(self._listener.audited, self._replica.audit(self._mine))
            if now >= self._next_look:
                self._next_look = now + self._replica.look_every
                self._wake |= self._replica.changed()
            news, self._wake = self._wake or self._replica.unbalanced, False
            if self._claiming and news:
                self._look()
        except _ERRORS as error:
            self._struck(error)

    def _look(self) -> None:
        """Claim partitions, and find what others left in ours."""
        listener = self._listener
        if listener is None:
            return
        gained, others = self._replica.balance()
        for news in gained:
            self._call(listener.owned, news)
        if others:
            self._call(listener.unowned, others)
        found = self._replica.news()
        if found is not None and found.jobs:
            self._call(listener.found, found)

    def _heartbeat(self) -> None:
        rejoined = self._replica.heartbeat()
        self._recovered()
        if rejoined is not None:
            self._mine.clear()
            if self._loop is not None and self._listener is not None:
                self._call(self._listener.fenced, rejoined, self._replica.id)

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
                    self._transact([ask])
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

    def _answer(self, answers: list[tuple[Ask, Any]]) -> None:
        if answers:
            self._call(self._deliver, answers)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _deliver(self, answers: list[tuple[Ask, Any]]) -> None:
        self._land(answers)
        for ask, answer in answers:
            if ask.future.done():
                continue
            if isinstance(answer, Exception):
                ask.future.set_exception(answer)
            else:
                ask.future.set_result(answer)

    def _land(self, answers: list[tuple[Ask, Any]]) -> None:
        for ask, answer in answers:
            ask.land(None if isinstance(answer, Exception) else answer)
