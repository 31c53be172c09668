"""What the engine asks of its database, as statements that SQLite and Postgres both understand.

Every statement takes lists, so that a transaction costs the same few statements for one job as for fifty. Whoever
changes a lane locks it first, lanes before jobs and both in the order of their names: nobody waits in a circle.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    any_,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.engine import Connection, RowMapping

from framework.engine.port import DeadLetter, Done, Job, JobResult, Retry
from framework.engine.rows import job_of, row_of, scope_of
from framework.engine.schema import JOBS, LANES, READY, RUNNING, STEPS, SUSPECTED, WAITING
from framework.storage.connection import ClashError, upsert
from framework.values import Untyped


@dataclass(frozen=True)
class Token:
    """Which try at a job this is: `owner` and `attempt` together never come twice for a key."""

    key: str
    lane: str
    owner: str
    attempt: int


@dataclass(frozen=True)
class Claim:
    """A job that is this replica's to execute now. `tries` is what its handler sees as the attempt."""

    job: Job
    token: Token
    tries: int
    crashes: int
    steps: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Saving:
    """A finished step, its value as JSON text."""

    token: Token
    step: str
    value: str


@dataclass(frozen=True)
class Settling:
    """What a try came to. `Discard` forgets the job; None gives it back to be started anew."""

    token: Token
    result: JobResult | None
    payload: str | None = None
    """With `Done`: what stays of the job's payload."""


Order = Job | Saving | Settling
Scopes = Collection[str] | None
"""Whose jobs are meant; None: everybody's."""


@dataclass(frozen=True)
class _Looks:
    """What is asked to find work. `suspect`: the lane of a job that may have ended its process."""

    ready: Any
    suspect: Any
    any_ready: Any
    next_due: Any


@dataclass
class Answers:
    """What a transaction brought about. An order is fulfilled (True), or it was refused (False)."""

    fulfilled: dict[int, bool] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    next_due: float | None = None
    looked: bool = False  # for jobs that could start: `next_due` says when to look again
    left_over: bool = False  # there may be more that could start now


class Store:
    """The statements for one kind of database. Each is written once, so that it is compiled once."""

    def __init__(self, kind: str) -> None:
        self._lists = kind == "postgresql"
        insert = upsert(kind)
        self._new_lanes = insert(LANES).on_conflict_do_nothing()
        self._new_jobs = insert(JOBS).on_conflict_do_nothing().returning(JOBS.c.key)
        step = insert(STEPS)
        self._new_steps = step.on_conflict_do_update(
            index_elements=["key", "name"], set_={"value": step.excluded.value}
        )
        self._lock_lanes = select(LANES.c.lane).where(self.among(LANES.c.lane)).order_by(LANES.c.lane).with_for_update()
        self._known = select(JOBS.c.key).where(self.among(JOBS.c.key))
        self._lock_jobs = (
            select(JOBS.c.key, JOBS.c.owner, JOBS.c.attempt, JOBS.c.state)
            .where(self.among(JOBS.c.key))
            .order_by(JOBS.c.key)
            .with_for_update()
        )
        self._settle = (
            update(JOBS)
            .where(JOBS.c.key == bindparam("of"))
            .values({name: bindparam(f"new_{name}") for name in ("state", "due", "outcome", "error", "updated")})
            .values(payload=func.coalesce(bindparam("new_payload", type_=Text), JOBS.c.payload))
        )
        self._drop_job = delete(JOBS).where(self.among(JOBS.c.key))
        self._drop_steps = delete(STEPS).where(self.among(STEPS.c.key))
        self._refresh = self._refresh_statement()
        self._any_suspect = select(JOBS.c.key).where(SUSPECTED).limit(1)
        self._put_first = update(LANES).where(self.among(LANES.c.lane)).values(since=0.0)
        self._looks = {scoped: self._look_statements(scoped=scoped) for scoped in (False, True)}
        self._start = self._start_statement()
        self._occupy = update(LANES).where(LANES.c.lane == bindparam("of")).values(running=bindparam("by"))
        self._steps = select(STEPS).where(self.among(STEPS.c.key))

    def among(self, column: ColumnElement[Any], name: str = "names") -> ColumnElement[bool]:
        """Whether a column is one of a list, which is one parameter (see `list_of`): the statement stays the same."""
        if self._lists:
            return column == any_(bindparam(name, type_=ARRAY(Text)))
        values = func.json_each(bindparam(name, type_=Text)).table_valued("value")
        return column.in_(select(values.c.value))

    def list_of(self, names: Collection[str]) -> Untyped:
        """A list as `among` expects it."""
        ordered = sorted(names)
        return ordered if self._lists else json.dumps(ordered)

    def _look_statements(self, *, scoped: bool) -> _Looks:
        serves = [self.among(LANES.c.scope, "scopes")] if scoped else []
        due = select(LANES.c.lane).where(READY, LANES.c.due <= bindparam("now"), *serves)
        in_order = due.order_by(LANES.c.since, LANES.c.lane)
        suspects = select(JOBS.c.lane).where(SUSPECTED)
        harmless = ~exists().where(JOBS.c.lane == LANES.c.lane, SUSPECTED)
        return _Looks(
            ready=in_order.where(harmless).limit(bindparam("free")).with_for_update(skip_locked=True),
            suspect=in_order.where(LANES.c.lane.in_(suspects)).limit(1).with_for_update(skip_locked=True),
            any_ready=due.where(harmless).limit(1),
            next_due=select(func.min(LANES.c.due)).where(READY, LANES.c.due > bindparam("now"), *serves),
        )

    def _looking(self, scopes: Scopes) -> tuple[_Looks, dict[str, Any]]:
        """The statements for these scopes, and their parameters."""
        return self._looks[scopes is not None], self.of_scopes(scopes)

    def of_scopes(self, scopes: Scopes) -> dict[str, Any]:
        """The parameter `scopes` of a statement that looks at some alone: what has none is everybody's."""
        return {} if scopes is None else {"scopes": self.list_of({*scopes, ""})}

    def _refresh_statement(self) -> Untyped:
        in_lane = JOBS.c.lane == LANES.c.lane
        head = select(JOBS.c.due).where(in_lane, JOBS.c.state == WAITING).order_by(JOBS.c.order, JOBS.c.key).limit(1)
        running = select(JOBS.c.key).where(in_lane, JOBS.c.state == RUNNING)
        return (
            update(LANES)
            .where(self.among(LANES.c.lane))
            .values(
                # Its turn comes by when it began to wait for it: to have been served puts it behind all others.
                since=case((READY, LANES.c.since), else_=bindparam("now")),
                running=running.scalar_subquery(),
                due=head.scalar_subquery(),
            )
        )

    def _start_statement(self) -> Untyped:
        head = (
            select(JOBS.c.key)
            .where(JOBS.c.lane == LANES.c.lane, JOBS.c.state == WAITING)
            .order_by(JOBS.c.order, JOBS.c.key)
            .limit(1)
            .correlate(LANES)
            .scalar_subquery()
        )
        return (
            update(JOBS)
            .where(JOBS.c.key.in_(select(head).where(self.among(LANES.c.lane))))
            .values(state=RUNNING, owner=bindparam("me"), attempt=JOBS.c.attempt + 1, updated=bindparam("now"))
            .returning(JOBS)
        )

    def execute(
        self,
        connection: Connection,
        orders: Sequence[Order],
        me: str,
        free: int,
        now: float,
        scopes: Scopes = None,
        *,
        look: bool = True,
        suspect: bool = True,
    ) -> Answers:
        """Fulfil orders and start up to `free` jobs of these scopes for the replica `me`, in the caller's transaction.

        Jobs are looked for where the orders may have let one start, and without that if `look` says so. `suspect`: one
        of them may be of a lane in which a job waits that may have ended its process. Raises ClashError when it has to
        be done once more.
        """
        answers = Answers()
        new = self._unknown(connection, orders, answers)
        made = {job.place for job in new.values()}
        lanes = made | {order.token.lane for order in orders if isinstance(order, Settling)}
        self.lock(connection, lanes, made)
        self._accept(connection, new, now, answers)
        self._finish(connection, orders, now, answers)
        self.refresh(connection, lanes, now)
        self.put_first(connection, _given_back(orders))
        if free > 0 and (lanes or look):
            self._claim(connection, me, free, now, answers, scopes, suspect=suspect)
        elif lanes:
            answers.left_over = True
        if scopes is not None:  # what is others' to do, they must hear of
            answers.left_over |= any(job.scope not in scopes for job in new.values())
        return answers

    def lock(self, connection: Connection, lanes: Collection[str], made: Collection[str] | None = None) -> None:
        """Have these lanes to ourselves until the transaction ends. Missing ones are made: all, or of these alone."""
        made = lanes if made is None else made
        if made:
            rows = [{"lane": lane, "since": 0.0, "scope": scope_of(lane)} for lane in sorted(made)]
            connection.execute(self._new_lanes, rows)
        if lanes and self._lists:
            locked = set(connection.execute(self._lock_lanes, {"names": self.list_of(lanes)}).scalars())
            if not locked.issuperset(made):  # one was swept up in between
                raise ClashError

    def refresh(self, connection: Connection, lanes: Collection[str], now: float) -> None:
        """Note what runs in these lanes and when their heads are due."""
        if lanes:
            connection.execute(self._refresh, {"names": self.list_of(lanes), "now": now})

    def put_first(self, connection: Connection, lanes: Collection[str]) -> None:
        """Have these lanes served before all that wait: what they wait for was begun before."""
        if lanes:
            connection.execute(self._put_first, {"names": self.list_of(lanes)})

    def ready(self, connection: Connection, now: float, scopes: Scopes = None, *, suspect: bool = True) -> bool:
        """Whether a job of these scopes could start. `suspect`: see `execute`."""
        looks, of_scopes = self._looking(scopes)
        parameters = {"now": now, **of_scopes}
        if connection.execute(looks.any_ready, parameters).first() is not None:
            return True
        return suspect and connection.execute(looks.suspect, parameters).first() is not None

    def has_suspects(self, connection: Connection) -> bool:
        """Whether any job waits that may have ended its process."""
        return connection.execute(self._any_suspect).first() is not None

    def due(self, connection: Connection, now: float, scopes: Scopes = None) -> float | None:
        """When the next job of these scopes is due that could start but for that."""
        looks, parameters = self._looking(scopes)
        due: float | None = connection.execute(looks.next_due, {"now": now, **parameters}).scalar()
        return due

    def forget(self, connection: Connection, keys: Collection[str]) -> None:
        """Delete jobs and their steps."""
        if keys:
            connection.execute(self._drop_steps, {"names": self.list_of(keys)})
            connection.execute(self._drop_job, {"names": self.list_of(keys)})

    def _unknown(self, connection: Connection, orders: Sequence[Order], answers: Answers) -> dict[int, Job]:
        """The jobs among the orders whose keys nobody has accepted, by their number; the others are refused.

        Most of what replicas hear, another one has accepted: that is told by one look, without a lock.
        """
        jobs = {n: order for n, order in enumerate(orders) if isinstance(order, Job)}
        if not jobs:
            return {}
        names = {"names": self.list_of({job.key for job in jobs.values()})}
        known = set(connection.execute(self._known, names).scalars())
        new = {}
        for n, job in jobs.items():
            answers.fulfilled[n] = False
            if job.key not in known:
                known.add(job.key)
                new[n] = job
        return new

    def _accept(self, connection: Connection, new: Mapping[int, Job], now: float, answers: Answers) -> None:
        """Keep jobs; one that another replica has accepted since the look is refused."""
        if not new:
            return
        rows = sorted((row_of(job, now) for job in new.values()), key=lambda row: str(row["key"]))
        kept = set(connection.execute(self._new_jobs, rows).scalars())
        answers.fulfilled |= {n: job.key in kept for n, job in new.items()}

    def _finish(self, connection: Connection, orders: Sequence[Order], now: float, answers: Answers) -> None:
        """Save steps and settle jobs, of those tries alone that still have their job."""
        tokens = {order.token.key for order in orders if not isinstance(order, Job)}
        if not tokens:
            return
        found = connection.execute(self._lock_jobs, {"names": self.list_of(tokens)}).mappings()
        rows = {row["key"]: row for row in found}
        steps, results, dropped = [], [], []
        for n, order in enumerate(orders):
            if isinstance(order, Job):
                continue
            row = rows.get(order.token.key)
            answers.fulfilled[n] = _holds(row, order)
            if row is None or not answers.fulfilled[n] or row["state"] != "running":
                continue
            if isinstance(order, Saving):
                steps.append({"key": order.token.key, "name": order.step, "value": order.value})
            elif (change := _change(order, now)) is None:
                dropped.append(order.token.key)
            else:
                results.append(change)
        if steps:
            connection.execute(self._new_steps, steps)
        if results:
            connection.execute(self._settle, results)
        self.forget(connection, dropped)

    def _claim(
        self,
        connection: Connection,
        me: str,
        free: int,
        now: float,
        answers: Answers,
        scopes: Scopes,
        *,
        suspect: bool,
    ) -> None:
        answers.looked = True
        looks, of_scopes = self._looking(scopes)
        found = connection.execute(looks.suspect, {"now": now, **of_scopes}).scalars().all() if suspect else []
        others = {"now": now, "free": free - len(found), **of_scopes}
        lanes = [*found, *connection.execute(looks.ready, others).scalars().all()]
        answers.left_over = len(lanes) == free
        if lanes:
            parameters = {"names": self.list_of(lanes), "me": me, "now": now}
            rows = connection.execute(self._start, parameters).mappings().all()
            if len(rows) != len(lanes):
                raise ClashError
            connection.execute(self._occupy, [{"of": row["lane"], "by": row["key"]} for row in rows])
            answers.claims = self._claims(connection, rows)
        if not answers.left_over:
            answers.next_due = connection.execute(looks.next_due, {"now": now, **of_scopes}).scalar()

    def _claims(self, connection: Connection, rows: Sequence[RowMapping]) -> list[Claim]:
        tried = {row["key"] for row in rows if row["attempt"] > 1}
        steps: dict[str, dict[str, str]] = {}
        if tried:
            for step in connection.execute(self._steps, {"names": self.list_of(tried)}):
                steps.setdefault(step.key, {})[step.name] = step.value
        return [
            Claim(
                job=job_of(row),
                token=Token(row["key"], row["lane"], row["owner"], row["attempt"]),
                tries=row["attempt"] - row["forgiven"],
                crashes=row["crashes"],
                steps=steps.get(row["key"], {}),
            )
            for row in rows
        ]


def _given_back(orders: Sequence[Order]) -> set[str]:
    """The lanes of jobs that were interrupted, to be started anew."""
    return {order.token.lane for order in orders if isinstance(order, Settling) and order.result is None}


def _holds(row: RowMapping | None, order: Saving | Settling) -> bool:
    """Whether this try still has its job, or is told once more what a lost answer had confirmed."""
    if row is None:
        return isinstance(order, Settling) and order.result is not None and _state(order.result) is None
    if (row["owner"], row["attempt"]) != (order.token.owner, order.token.attempt):
        return False
    return row["state"] == "running" or (isinstance(order, Settling) and row["state"] == _state(order.result))


def _state(result: JobResult | None) -> str | None:
    """The state that follows from a result; None for a job that is forgotten."""
    match result:
        case Done():
            return "settled"
        case DeadLetter():
            return "dead"
        case Retry() | None:
            return "waiting"
        case _:
            return None


def _change(order: Settling, now: float) -> dict[str, object] | None:
    state = _state(order.result)
    if state is None:
        return None
    result = order.result
    wait = max(0.0, result.seconds) if isinstance(result, Retry) else 0.0
    return {
        "of": order.token.key,
        "new_state": state,
        "new_due": now + wait,
        "new_outcome": result.outcome if isinstance(result, Done) else "",
        "new_error": result.error if isinstance(result, Retry | DeadLetter) else "",
        "new_updated": now,
        "new_payload": order.payload if isinstance(result, Done) else None,
    }
