"""One replica in NATS: its heartbeats, what it owns, and what it hears. On the event loop of the journal's thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import structlog

from framework.aio import cancel_repeatedly
from framework.engine.nats.address import NatsAddress
from framework.engine.nats.durability import tell_durability
from framework.engine.nats.members import Members
from framework.engine.nats.partitions import Partitions
from framework.engine.nats.questions import Questions
from framework.engine.nats.records import STREAMS, call_at
from framework.engine.nats.store import NatsStore
from framework.engine.nats.writes import Writes
from framework.engine.orders import News, Partition, Token
from framework.engine.owners import PartitionPlan, Scopes, partition_of, serves
from framework.engine.port import Job, Load
from framework.errors import EngineError

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from framework.engine.journal import Retention
    from framework.engine.liveness import Rhythm

_log = structlog.get_logger(__name__)

_WAKES = "engine-wake"
_NOTES = "engine-say"
_CALL_ANSWERED = 2.0
_CLEAN = 0.5
_PAUSE = 0.5


class NatsListener(Protocol):
    """Who is told, on this event loop."""

    def owned(self, news: News) -> None:
        """See `Listener.owned`."""

    def found(self, news: News) -> None:
        """See `Listener.found`."""

    def unowned(self, partitions: set[Partition]) -> None:
        """See `Listener.unowned`."""

    def lost(self, owner: str, rejoined: str) -> None:
        """See `Listener.fenced`."""

    def told(self, text: str) -> None:
        """See `Listener.told`."""


class NatsReplica:
    """The parts of a replica, and what is done again and again."""

    def __init__(
        self,
        address: NatsAddress,
        name: str | None,
        rhythm: Rhythm,
        retention: Retention,
        heard: NatsListener,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        uniform: Callable[[float, float], float],
        version: int,
    ) -> None:
        self.name = name or uuid4().hex[:12]
        self.scopes: Scopes = ()
        self._named = name is not None
        self._rhythm = rhythm
        self._heard = heard
        self._monotonic = monotonic
        self._uniform = uniform
        self._version = version
        self._plan = PartitionPlan()
        self._withdrawn = False
        self._hears = True
        self._calls: Subscription | None = None
        self._balancing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.store = NatsStore(address, created=self._created, cut=self._cut)
        self.members = Members(self.store, self.name, rhythm, monotonic)
        self.partitions = Partitions(self.store, self.members, clock)
        self.partitions.told = self
        self.writes = Writes(self.store, self.members, self.partitions, retention, clock=clock, tell=self._tell)
        self.questions = Questions(self.store, self.members, self.partitions, clock=clock, tell=self._tell)

    async def open(self) -> None:
        """Connect, take the name, become known. Raises EngineError."""
        await self.store.open()
        await self.members.listen()
        client = self.store.client
        await client.subscribe(_WAKES, cb=self._woken)
        await client.subscribe(_NOTES, cb=self._noted)
        await self._take_name()
        self.members.become(self._identity())
        await self._answer_calls()
        await self.members.beat()
        await self.partitions.learn()
        self._spawn(tell_durability(self.store.address))
        for work in (self._beats, self._probes, self._looks, self._cleans, self._balances):
            self._spawn(self._again(work))

    async def close(self) -> None:
        """Leave, with nothing left behind, as far as NATS can be reached."""
        await cancel_repeatedly(*self._tasks)
        leaving = asyncio.ensure_future(self._leave())
        await asyncio.wait({leaving}, timeout=self._rhythm.grace)
        if not leaving.done():
            await cancel_repeatedly(leaving)
            _log.warning("engine.left_unannounced", error="NATS did not answer in time")
        closing = asyncio.ensure_future(self.store.close())
        await asyncio.wait({closing}, timeout=self._rhythm.grace)
        if closing.done():
            closing.result()
        else:  # the link is half open: the system gives it up later
            closing.cancel()
            _log.warning("engine.connection_left", seconds=self._rhythm.grace)

    async def _leave(self) -> None:
        from nats.errors import Error as NatsError

        try:
            await self.partitions.clean()
            await self.partitions.release(list(self.partitions.owned))
            await self.members.leave()
            await self._wake({"owners": True})
            await self.store.client.flush(timeout=1)
        except (EngineError, NatsError, TimeoutError, OSError) as error:
            _log.warning("engine.left_unannounced", error=str(error) or type(error).__name__)

    async def serve(self, scopes: Scopes, *, hears: bool) -> None:
        """Run the jobs of these scopes from now on, once they are claimed."""
        self.scopes, self._hears = scopes, hears
        self.members.serves = self._serves
        self.writes.starts = True
        if scopes is None:
            await self.partitions.learn_scopes()
        await self.members.beat()
        await self.balance()

    def hold(self) -> None:
        """Claim and start nothing more."""
        self.writes.starts = False

    async def withdraw(self) -> None:
        """Tell others that they are to take what we release."""
        self._withdrawn = True
        self.members.serves = self._serves
        await self.members.beat()

    async def release(self, owner: str, partitions: list[Partition]) -> None:
        """Let others have these, which we had as this owner."""
        if owner != self.members.identity:
            return
        await self.partitions.release(partitions)
        await self._wake({"owners": True})

    async def say(self, text: str) -> None:
        """Tell all others that live."""
        await self.store.client.publish(_NOTES, json.dumps([self.members.identity, text]).encode())
        await self.store.client.flush(timeout=2)

    async def held(self, token: Token) -> bool:
        """Whether a job is still this try's."""
        owned = self.writes.holding(token)
        return owned is not None and await self.writes.still_ours(owned)

    async def cancel(self, key: str) -> Token | bool:
        """See `Journal.cancel`. A job that waits at another replica is forgotten by that one."""
        held = self.partitions.held.get(key)
        if held is not None:
            if held.record.state == "running":
                token = self.writes.running.get(key)
                return token if token is not None else False
            await self.writes.forget(held)
            return True
        found = await self.questions.found(key)
        if found is None or found[1].state != "waiting":
            return False
        stored, record = found
        for other in self.members.others:
            if await self._call(other.id, {"cancel": key}):
                return True
        return await self.store.delete(record.partition.number % STREAMS, stored.sequence)

    async def load(self) -> Load:
        """See `Journal.load`."""
        scopes = self.scopes or None
        running = sum(one.record.state == "running" for one in self.partitions.held.values())
        return await self.questions.load(scopes, running)

    async def balance(self) -> None:
        """Claim what should be ours and is nobody's; say what should be another's."""
        async with self._balancing:
            if not self.writes.starts or self._withdrawn:
                return
            served = self.partitions.scopes if self.scopes is None else {*self.scopes, ""} if self.scopes else set()
            mine = self._plan.mine(self.members.identity, self.members.everybody, set(served))
            owned = set(self.partitions.owned)
            await self.partitions.claim(sorted(mine - owned))
            if owned - mine:
                self._heard.unowned(owned - mine)

    def owned(self, news: News) -> None:
        """See `Told.owned`."""
        self._heard.owned(news)

    def found(self, news: News) -> None:
        """See `Told.found`."""
        self._heard.found(news)

    def fenced(self) -> None:
        """Others declared us dead, and our jobs are theirs. Go on as somebody new."""
        former = self.members.identity
        self.members.become(self._identity())
        self.partitions.lose()
        self.writes.running.clear()
        self._heard.lost(former, self.members.identity)
        self._spawn(self._answer_calls())
        _log.warning("engine.fenced", replica=self.name)
        self.members.changed.set()

    @property
    def _serves(self) -> str:
        return serves(() if self._withdrawn else self.scopes, self._version, hears=self._hears)

    def _identity(self) -> str:
        return f"{self.name}-{uuid4().hex[:12]}"

    async def _answer_calls(self) -> None:
        """Be there under our present id, and under no other."""
        if self._calls is not None:
            await self._calls.unsubscribe()
        self._calls = await self.store.client.subscribe(call_at(self.members.identity), cb=self._called)

    async def _take_name(self) -> None:
        """Of two processes with one name, the second waits for a lease: it may be the same one, started again."""
        if not self._named:
            return
        begun = self._monotonic()
        while True:
            await asyncio.sleep(self._rhythm.beat * 1.5)
            alive = [one for one in self.members.others if one.name == self.name]
            if not alive:
                return
            if self._monotonic() - begun > self._rhythm.lease + self._rhythm.beat:
                raise EngineError(
                    f"Another process runs as the replica {self.name!r}.",
                    where=self.store.address.shown,
                    hint="Give each process a name of its own, or none: then it chooses one.",
                )

    async def _again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The boundary of what is done again and again: if it ended, every job of the process would wait."""
        while True:
            try:
                await work()
            except EngineError as error:
                _log.warning("engine.failed", error=error.what)
                await asyncio.sleep(_PAUSE)
            except Exception:  # noqa: BLE001 - see above
                _log.exception("engine.failed")
                await asyncio.sleep(_PAUSE)

    async def _beats(self) -> None:
        self.members.running = len(self.writes.running)
        await self.members.beat()
        self.members.prune()
        self.members.changed.set()
        await asyncio.sleep(self._rhythm.beat * self._uniform(0.9, 1.0))

    async def _balances(self) -> None:
        await self.members.changed.wait()
        self.members.changed.clear()
        await self.balance()

    async def _looks(self) -> None:
        await asyncio.sleep(self._rhythm.safety * self._uniform(0.9, 1.0))
        for number in range(STREAMS):
            await self.partitions.look(number)

    async def _probes(self) -> None:
        await asyncio.sleep(self._rhythm.beat)
        await self.members.probe()

    async def _cleans(self) -> None:
        await asyncio.sleep(_CLEAN)
        await self.partitions.clean()

    def _created(self, number: int) -> None:
        self._spawn(self.partitions.restore(number))

    def _cut(self) -> None:
        self.members.distrust()

    async def _tell(self, job: Job, sequence: int) -> None:
        """Let the owner of a lane know of a job that we kept."""
        partition = partition_of(job)
        await self._wake({"stream": partition.number % STREAMS, "scope": job.scope, "sequence": sequence})

    async def _wake(self, said: dict[str, object]) -> None:
        await self.store.client.publish(_WAKES, json.dumps({"by": self.members.identity, **said}).encode())

    async def _woken(self, message: Msg) -> None:
        said = json.loads(message.data)
        if said.get("owners"):
            if said["by"] != self.members.identity:
                self._spawn(self._learn_owners())
            return
        scope = said["scope"]
        if scope not in self.partitions.scopes:
            self.partitions.scopes.add(scope)
            self.members.changed.set()
        if self.scopes is None or scope in self.scopes or not scope:
            self._spawn(self._look_at(said["stream"]))

    async def _look_at(self, number: int) -> None:
        if any(one.number % STREAMS == number for one in self.partitions.owned):
            await self.partitions.look(number)

    async def _learn_owners(self) -> None:
        for number in range(STREAMS):
            await self.partitions.look(number)
        self.members.changed.set()

    async def _noted(self, message: Msg) -> None:
        sender, text = json.loads(message.data)
        if sender != self.members.identity and sender not in self.members.former:
            self._heard.told(text)

    async def _call(self, identity: str, what: dict[str, str]) -> bool:
        """Ask another replica to do something. False: it did not, or did not answer."""
        from nats.errors import Error as NatsError

        try:
            answer = await self.store.client.request(
                call_at(identity), json.dumps(what).encode(), timeout=_CALL_ANSWERED
            )
        except (NatsError, TimeoutError, OSError):
            return False
        return bool(json.loads(answer.data))

    async def _called(self, message: Msg) -> None:
        if not message.data:  # asked only whether we are there
            await message.respond(b"true")
            return
        key = json.loads(message.data)["cancel"]
        held = self.partitions.held.get(key)
        waits = held is not None and held.record.state == "waiting"
        if held is not None and waits:
            await self.writes.forget(held)
        await message.respond(json.dumps(waits).encode())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except EngineError as error:
        _log.warning("engine.failed", error=error.what)
