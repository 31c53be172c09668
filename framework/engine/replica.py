"""One replica in its database: its identity, its connection, its beats, and the eviction of others. For one thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from framework.engine.job_admin import JobAdmin
from framework.engine.journal import Retention
from framework.engine.liveness import Rhythm, Watch
from framework.engine.loading import Lookout, load, named, waiting
from framework.engine.orders import Answer, Appending, Kept, News, Order, Partition, Settling, Sighting
from framework.engine.owners import Owners, PartitionPlan, Scopes, partition_of, serves
from framework.engine.port import Job
from framework.engine.replica_lock import ReplicaLock, replica_lock, take_name
from framework.engine.replicas import Replicas, database_time
from framework.engine.schema import prepare, retire_former
from framework.engine.statements import Statements, driver_of
from framework.errors import EngineError
from framework.storage import connection as database
from framework.values import Untyped

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_log = structlog.get_logger(__name__)

_ORPHANS_EVERY = 5
_FILE_HELD = 0.5  # seconds for which whoever looks whether we live may hold the lock


class Replica:
    """The transactions of a replica. `trouble` is what keeps it from the database at the moment."""

    def __init__(
        self,
        address: database.DatabaseAddress,
        name: str,
        rhythm: Rhythm,
        retention: Retention,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        uniform: Callable[[float, float], float],
        version: int = 1,
    ) -> None:
        self.address = address
        self.id = _identity(name)
        self._wanted = name
        self.monotonic = monotonic
        self.uniform = uniform
        self.jobs = JobAdmin(address.kind, retention)
        self.next_heartbeat = 0.0
        self.trouble: EngineError | None = None
        self.scopes: Scopes = ()
        self.version = version
        self.owned: set[Partition] = set()
        self.unbalanced = False  # something may be claimed
        self._statements = Statements(driver_of(address.kind))
        self._owners = Owners(address.kind)
        self._replicas = Replicas(address.kind, self._owners)
        self._plan = PartitionPlan()
        self._withdrawn = False
        self._hears = True
        self._lookout = Lookout()
        self._has_retired_former = False
        self.rhythm = rhythm
        self._watch = Watch(rhythm, monotonic)
        self._clock = clock
        self._offset: float | None = None
        self._engine = database.connect(address)
        self._lock: ReplicaLock = replica_lock(address.kind, self._engine, address.file)
        self._open: Connection | None = None
        self._last_heartbeat = ("", -math.inf)  # whose last beat that got through was sent when; replaced as one
        self._beats = 0
        self.has_others = True
        self._next_prune = 0.0

    @property
    def look_every(self) -> float:
        """How often, in seconds, to see whether others did something."""
        if self.address.kind != "sqlite":
            return self.rhythm.safety
        return self.rhythm.poll if self.has_others else self.rhythm.alone

    @property
    def name(self) -> str:
        """The name of this replica, whichever identity it has at the moment."""
        return self._lock.name

    @property
    def connected(self) -> bool:
        """Whether there is a connection that works as far as is known."""
        return self._open is not None

    def trusts(self, owner: str) -> bool:
        """Whether nobody can have declared the replica of this id dead, and it is us. From any thread."""
        identity, beaten = self._last_heartbeat
        return owner == identity and self.monotonic() - beaten < self.rhythm.lease

    def open(self) -> None:
        """Prepare the tables, take the name, become known. Raises EngineError and what SQLAlchemy raises."""
        self.connect()
        with database.transaction(self._connection):
            database.lock_schema(self._connection)
            prepare(self._connection)
        patience = _FILE_HELD if self.address.kind == "sqlite" else self.rhythm.lease
        take_name(self._lock, self._wanted, self.address.shown, until=self.monotonic() + patience, now=self.monotonic)
        self._measure_time()
        with database.transaction(self._connection):
            self._replicas.join(self._connection, self.id, self.name, self._serves, self.now())
            self._lock.wake(self._connection)
        self.heartbeat()

    def listen(self, heard: Callable[[], None], told: Callable[[str], None]) -> None:
        """Call `heard` when others say that there is something to start, and `told` with what else they say."""

        def called() -> None:
            self.has_others = True  # whoever joins calls out, and so does whoever has left something
            heard()

        self._lock.listen(called, self._distrust, told)

    def now(self) -> float:
        """The database's time, in seconds since 1970."""
        return self._clock() if self._offset is None else self.monotonic() + self._offset

    def connect(self) -> bool:
        """Have a connection. True: it is a new one."""
        if self._open is not None:
            return False
        self._open = self._engine.connect()
        return True

    def disconnect(self) -> None:
        """Throw the connection away: it is broken. What was seen of others before says nothing any more."""
        if self._open is not None:
            self._open.invalidate()
            self._open.close()
            self._open = None
        self._watch.forget()

    def resume(self, mine: Mapping[str, int]) -> None:
        """After an interruption: give back what was claimed by a commit whose answer never came."""
        self._watch.forget()
        self._measure_time()
        with database.transaction(self._connection):
            self._replicas.give_back(self._connection, {self.id}, self.now(), crashed=False, keep=mine)

    def execute(self, orders: Sequence[Order], *, starts: bool) -> list[Answer]:
        """Fulfil orders in one transaction, and answer each. `starts`: jobs may be started."""
        with database.transaction(self._connection):
            new = {order.job.scope for order in orders if isinstance(order, Appending)} - self._owners.scopes
            self._owners.introduce(self._connection, new)
            with database.driver_of(self._connection) as raw:
                answers = self._statements.execute(raw, orders, self.id, self.now(), starts=starts)
            if self.has_others and any(map(self._concerns_others, orders, answers)):
                self._lock.wake(self._connection)
        self._owners.scopes |= new
        self.unbalanced |= bool(new)
        return answers

    def _concerns_others(self, order: Order, answer: Answer) -> bool:
        """Whether it left something that another replica may start."""
        if isinstance(order, Appending):
            return answer == "waits" and partition_of(order.job) not in self.owned
        return isinstance(order, Settling) and order.result is None

    def serve(self, connection: Connection, scopes: Scopes, *, hears: bool) -> None:
        """Inside a question: run the jobs of these scopes (None: of all) from now on, once they are claimed."""
        self.scopes, self._hears = scopes, hears
        self._replicas.serve(connection, self.id, self._serves)
        self._owners.introduce(connection, {*(scopes or ()), ""})
        self._owners.learn(connection)
        self._lock.wake(connection)
        self.unbalanced = True

    def withdraw(self, connection: Connection) -> None:
        """Inside a question: run nothing more, so that others take the partitions that we release."""
        self._withdrawn = True
        self._replicas.serve(connection, self.id, self._serves)
        self._lock.wake(connection)

    def balance(self) -> tuple[list[News], set[Partition]]:
        """Claim what should be ours and is nobody's. Returns it with its jobs, and what should be another's."""
        with database.transaction(self._connection, write=False):
            sightings = self._replicas.all(self._connection)
            if self.scopes is None:
                self._owners.learn(self._connection)
        if any(sighting.serves is None for sighting in sightings):
            return [], set()  # one of a version before partitions: it takes any job of the database
        self._retire_former()
        mine = self._plan.mine(self.id, sightings, self._served_scopes)
        wanted = mine - self.owned
        found: list[News] = []
        if wanted:
            with database.transaction(self._connection):
                claimed = self._owners.claim(self._connection, self.id, wanted)
                found = load(self._connection, claimed, self.now())
            self.owned |= claimed
        self.unbalanced = False
        return found, self.owned - mine

    def _retire_former(self) -> None:
        """Once no program of a version before partitions lives, what it left is ours."""
        if self._has_retired_former:
            return
        with database.transaction(self._connection):
            database.lock_schema(self._connection)
            scopes = retire_former(self._connection)
            self._owners.introduce(self._connection, scopes)
        self._owners.scopes |= scopes
        self._has_retired_former = True

    def named(self, connection: Connection, keys: Sequence[str]) -> Sequence[Kept]:
        """Inside a question: those of these jobs that wait."""
        return named(connection, keys, self.now())

    def audit(self, mine: Mapping[str, int]) -> list[str]:
        """Give back what the database says runs here and does not. Returns the keys of what waits in our partitions.

        Both are rare: a commit whose answer was lost came later than what was done about it.
        """
        with database.transaction(self._connection):
            self._replicas.give_back(self._connection, {self.id}, self.now(), crashed=False, keep=mine)
        with database.transaction(self._connection, write=False):
            return waiting(self._connection, self.owned)

    def release(self, connection: Connection, owner: str, partitions: Sequence[Partition]) -> None:
        """Inside a question: let others have these, which we had as this owner."""
        if owner != self.id:
            return  # others evicted us meanwhile: what we have now is another matter
        self._owners.release(connection, self.id, partitions)
        self.owned -= set(partitions)
        self._lock.wake(connection)

    def more(self, connection: Connection, partitions: Sequence[Partition], after: tuple[str, str]) -> list[News]:
        """Inside a question: further jobs of partitions that we own, those of a higher rank than `after`."""
        return load(connection, partitions, self.now(), after=after)

    def news(self) -> News | None:
        """What waits in our partitions and was left there by others since the last look."""
        if not self.owned:
            return None
        with database.transaction(self._connection, write=False):
            return self._lookout.news(self._connection, self.owned, self.now())

    @property
    def counted(self) -> Scopes:
        """The scopes whose jobs are counted: all, before any are served."""
        return self.scopes or None

    @property
    def _serves(self) -> str:
        return serves(() if self._withdrawn else self.scopes, self.version, hears=self._hears)

    @property
    def _served_scopes(self) -> set[str]:
        return self._owners.scopes if self.scopes is None else {*self.scopes, ""} if self.scopes else set()

    def ask(self, question: Callable[[Connection, float], Untyped], *, reads: bool) -> Untyped:
        """Answer a question in a transaction of its own."""
        with database.transaction(self._connection, write=not reads):
            return question(self._connection, self.now())

    def broadcast(self, connection: Connection, text: str, now: float) -> None:
        """Inside a question: say something to all others, if there are any."""
        if any(sighting.id != self.id for sighting in self._replicas.all(connection)):
            self._lock.broadcast(connection, text, now)

    def changed(self) -> bool:
        """Whether others may have left something to start. What else they said is told on the way."""
        return self.address.kind == "postgresql" or self._lock.changed(self._connection)

    def heartbeat(self) -> str | None:
        """Say that we live, and evict those who do not. Returns our former id where others had evicted us."""
        sent, last = self.monotonic(), self._last_heartbeat[1]
        self.next_heartbeat = sent + self.rhythm.beat * self.uniform(0.9, 1.0)
        with database.transaction(self._connection):
            alive = self._replicas.heartbeat(self._connection, self.id, self.now())
            sightings = self._replicas.all(self._connection)
        if not alive:
            return self._rejoin()
        if self.monotonic() - last > self.rhythm.grace:
            # We, or the database, stood still: that the others sent no heartbeat meanwhile says nothing of them.
            self._watch.forget()
        self._last_heartbeat = (self.id, sent)
        self._measure_time()
        self._look_at_others([sighting for sighting in sightings if sighting.id != self.id])
        self._beats += 1
        if self._beats % _ORPHANS_EVERY == 1:
            self._adopt()
        self._prune(sent)
        self.unbalanced = True
        return None

    def _look_at_others(self, others: list[Sighting]) -> None:
        self.has_others = bool(others)
        former = sum(other.serves is None for other in others)
        if others:
            gone, unlocked = self._lock.missing(self._connection, others)
            for dead in self._watch.dead(others, certainly=gone, unlocked=unlocked):
                # One of a version before partitions is evicted by its like, which know how to go on with its lanes.
                if dead.serves is not None or former == 1:
                    self._evict(dead)

    def left_waiting(self, connection: Connection, limit: int) -> list[Job]:
        """Inside a question: the jobs that wait for nobody but us."""
        others = [one for one in self._replicas.all(connection) if one.id != self.id]
        return [] if others else [record.job for record in self.jobs.waiting(connection, limit, self.counted)]

    def leave(self) -> None:
        """Go: nothing of ours is left running in the database, as far as it can be reached."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self.connect()
            with database.transaction(self._connection):
                self._replicas.leave(self._connection, self.id, self.now())
                self._lock.wake(self._connection)
        except SQLAlchemyError as error:
            _log.warning("engine.left_unannounced", error=database.failure(error, self.address).what)
        finally:
            self._lock.release()
            self.disconnect()
            self._engine.dispose()

    def abandon(self) -> None:
        """After a failed `open`: let go of everything."""
        self._lock.release()
        self.disconnect()
        self._engine.dispose()

    def closed(self) -> EngineError:
        """What is said to those who ask too late."""
        return self.trouble or EngineError("The engine was closed.", where=self.address.shown)

    @property
    def _connection(self) -> Connection:
        if self._open is None:
            raise EngineError("There is no connection.", where=self.address.shown)
        return self._open

    def _measure_time(self) -> None:
        if self.address.kind == "postgresql":
            self._offset = database_time(self._connection) - self.monotonic()

    def _distrust(self) -> None:
        """The session that held our lock is gone: others may think that we are."""
        self._last_heartbeat = ("", -math.inf)

    def _evict(self, dead: Sighting) -> None:
        with database.transaction(self._connection):
            jobs = self._replicas.evict(self._connection, dead, self.now())
            if jobs:
                self._lock.wake(self._connection)
        if jobs is not None:
            _log.warning("engine.recovered", replica=dead.name, jobs=len(jobs))

    def _adopt(self) -> None:
        with database.transaction(self._connection, write=False):
            owners = self._replicas.orphans(self._connection)
        if owners:
            with database.transaction(self._connection):
                jobs = self._replicas.give_back(self._connection, owners, self.now(), crashed=True)
            _log.warning("engine.recovered", replica="unknown", jobs=len(jobs))

    def _rejoin(self) -> str:
        """Others evicted us, and our jobs are theirs. Go on as somebody new."""
        self._distrust()
        former, new = self.id, _identity(self.name)
        with database.transaction(self._connection):
            self._replicas.join(self._connection, new, self.name, self._serves, self.now())
            self._owners.free(self._connection, former)
            self._replicas.give_back(self._connection, {former}, self.now(), crashed=False)
        self.id = new
        self.owned.clear()
        self.next_heartbeat = 0.0
        _log.warning("engine.fenced", replica=self.name)
        return former

    def _prune(self, at: float) -> None:
        if at >= self._next_prune:
            with database.transaction(self._connection):
                done = self.jobs.prune(self._connection, self.now())
            self._next_prune = at + (self.rhythm.beat if done else self.rhythm.prune)


def _identity(name: str) -> str:
    return f"{name}-{uuid4().hex[:12]}"
