"""What every turn writes: jobs, steps and results, in few statements of the driver itself, in the caller's transaction.

Each write of a try names its owner and attempt; one that lost its job changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from framework.engine.orders import Answer, Appending, Order, Saving, Settling, Starting, Token
from framework.engine.owners import number_of
from framework.engine.port import DeadLetter, Discard, Done, Job, JobResult, Retry

Raw: TypeAlias = Any
"""The connection of a driver: another class for each kind of database."""

_STATES: dict[type, str] = {Done: "settled", DeadLetter: "dead", Retry: "waiting", type(None): "waiting"}


@dataclass(frozen=True)
class Change:
    """A result as a row has it."""

    token: Token
    state: str
    due: float
    outcome: str
    error: str
    payload: str | None


class Driver(Protocol):
    """The statements for one kind of database. Each takes and answers lists."""

    def is_alive(self, raw: Raw, me: str) -> bool:
        """Whether nobody has declared this replica dead."""

    def append(self, raw: Raw, rows: Sequence[tuple[Any, ...]]) -> set[str]:
        """Keep jobs whose keys are new, and return these keys."""

    def start(self, raw: Raw, keys: Sequence[str], me: str, now: float) -> dict[str, int]:
        """Have jobs that wait run here. Returns the attempt of each that does."""

    def save(self, raw: Raw, steps: Sequence[Saving]) -> set[Token]:
        """Keep steps. Returns the tries that still had their job."""

    def settle(self, raw: Raw, changes: Sequence[Change], now: float) -> set[Token]:
        """Keep results. Returns the tries that still had their job."""

    def discard(self, raw: Raw, tokens: Sequence[Token]) -> set[Token]:
        """Forget jobs and their steps. Returns the tries that still had their job."""

    def found(self, raw: Raw, keys: Sequence[str]) -> dict[str, tuple[str, int, str]]:
        """Owner, attempt and state of these jobs."""


class Statements:
    """Fulfils orders by the statements of a driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def execute(self, raw: Raw, orders: Sequence[Order], me: str, now: float, *, starts: bool) -> list[Answer]:
        """Fulfil orders, and answer each in its place. `starts`: jobs may be started; otherwise they wait."""
        answers: list[Answer] = [False] * len(orders)
        starts = starts and any(isinstance(order, Starting | Appending) and order.owner == me for order in orders)
        starts = starts and self._driver.is_alive(raw, me)
        self._save(raw, orders, answers)
        self._settle(raw, orders, answers, now)
        self._append(raw, orders, answers, me, now, starts=starts)
        self._start(raw, orders, answers, me, now, starts=starts)
        return answers

    def _save(self, raw: Raw, orders: Sequence[Order], answers: list[Answer]) -> None:
        steps = {n: order for n, order in enumerate(orders) if isinstance(order, Saving)}
        if steps:
            last = {(step.token.key, step.step): step for step in steps.values()}
            held = self._driver.save(raw, list(last.values()))
            for n, step in steps.items():
                answers[n] = step.token in held

    def _settle(self, raw: Raw, orders: Sequence[Order], answers: list[Answer], now: float) -> None:
        ends = {n: order for n, order in enumerate(orders) if isinstance(order, Settling)}
        if not ends:
            return
        gone = [order.token for order in ends.values() if isinstance(order.result, Discard)]
        changes = [_change(order, now) for order in ends.values() if not isinstance(order.result, Discard)]
        held = self._driver.settle(raw, changes, now) if changes else set()
        held |= self._driver.discard(raw, gone) if gone else set()
        refused = [order.token.key for order in ends.values() if order.token not in held]
        found = self._driver.found(raw, refused) if refused else {}
        for n, order in ends.items():
            answers[n] = order.token in held or _is_done(order, found.get(order.token.key))

    def _append(
        self,
        raw: Raw,
        orders: Sequence[Order],
        answers: list[Answer],
        me: str,
        now: float,
        *,
        starts: bool,
    ) -> None:
        new: dict[str, tuple[int, Appending]] = {}
        for n, order in enumerate(orders):
            if isinstance(order, Appending):
                answers[n] = "known"
                new.setdefault(order.job.key, (n, order))
        if not new:
            return
        rows = [_row(order.job, now, me if starts and order.owner == me else "") for _, order in new.values()]
        kept = self._driver.append(raw, rows)
        for key, (n, order) in new.items():
            if key in kept:
                answers[n] = Token(key, order.job.place, me, 1) if starts and order.owner == me else "waits"

    def _start(
        self,
        raw: Raw,
        orders: Sequence[Order],
        answers: list[Answer],
        me: str,
        now: float,
        *,
        starts: bool,
    ) -> None:
        waiting = {n: order for n, order in enumerate(orders) if isinstance(order, Starting)}
        if not waiting:
            return
        keys = [order.key for order in waiting.values() if order.owner == me] if starts else []
        attempts = self._driver.start(raw, keys, me, now) if keys else {}
        for n, order in waiting.items():
            attempt = attempts.get(order.key)
            if attempt is not None:
                answers[n] = Token(order.key, order.lane, me, attempt)
            else:
                answers[n] = "gone" if starts and order.owner == me else "later"


def _row(job: Job, now: float, owner: str) -> tuple[Any, ...]:
    """A new job as the columns of `APPENDED`: it waits, or it runs for the first time at its owner."""
    payload = json.dumps(dict(job.payload), separators=(",", ":"))
    state, attempt = ("running", 1) if owner else ("waiting", 0)
    place, delay = job.place, float(job.delay)
    return (job.key, place, job.order, payload, delay, state, now + delay, attempt, owner, now, job.scope,
            number_of(place))  # fmt: skip


APPENDED = 'key, lane, "order", payload, delay, state, due, attempt, owner, accepted, scope, partition'
"""The columns that a new job names; the others begin empty."""


def _state(result: JobResult | None) -> str:
    return _STATES[type(result)]


def _change(order: Settling, now: float) -> Change:
    result = order.result
    return Change(
        order.token,
        _state(result),
        now + (max(0.0, result.seconds) if isinstance(result, Retry) else 0.0),
        result.outcome if isinstance(result, Done) else "",
        result.error if isinstance(result, Retry | DeadLetter) else "",
        order.payload if isinstance(result, Done) else None,
    )


def _is_done(order: Settling, found: tuple[str, int, str] | None) -> bool:
    """Whether an earlier try at the same order was kept, whose answer was lost."""
    if found is None:
        return isinstance(order.result, Discard)
    if isinstance(order.result, Discard):
        return False
    return found == (order.token.owner, order.token.attempt, _state(order.result))


def driver_of(kind: str) -> Driver:
    """The statements for this kind of database. Only one is imported."""
    if kind == "postgresql":
        from framework.engine.journal_postgres import PostgresDriver

        return PostgresDriver()
    from framework.engine.journal_sqlite import SqliteDriver

    return SqliteDriver()
