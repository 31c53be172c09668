"""The chat in memory, with what tests do to it: people with names, calls that fail or take their time."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

from framework.approvals import ApprovalStore
from framework.errors import ChatServiceError
from framework.promises.store import PromiseStore
from framework.runtime.state.handover_book import MemoryHandovers
from framework.storage import Storage
from framework.stream.model import Event, Message, User
from framework.stream.timing import Timing
from framework.testing.memory.memory_chat import MemoryChat, Room
from framework.testing.memory.memory_service import MemoryChatService

__all__ = ["ANN", "BEN", "Room", "TwinService", "World"]

ANN = User("ann", "Ann")
BEN = User("ben", "Ben")


class World(MemoryChat):
    """A chat in which it is Ann who does things, unless said otherwise."""

    def __init__(self, timing: Timing, *, app: str = "memory") -> None:
        super().__init__(timing.now, app=app)
        self.timing = timing
        self.handovers = MemoryHandovers()  # as a database: it outlives the process
        self.approvals = ApprovalStore(Storage.in_memory(), now=timing.now)
        self.promises = PromiseStore(Storage.in_memory(), now=timing.now)

    def post(self, cid: str, text: str, *, user: User = ANN, **more: Any) -> Message:
        return super().post(cid, text, user=user, **more)

    def stop(self, cid: str, message_id: str | None = None, *, user: User = ANN) -> None:
        super().stop(cid, message_id, user=user)


class TwinService(MemoryChatService):
    """A bot's view of a `World`, whose calls are counted, take time, and fail on demand."""

    def __init__(self, world: World, user: User) -> None:
        super().__init__(world, user)
        self.world = world
        self.calls: Counter[str] = Counter()
        self.streamed = defaultdict(list)
        self.states = defaultdict(list)
        self.latency: dict[str, float] = {}
        self.opened = self.closed = self.gone = False
        self._failures: defaultdict[str, list[ChatServiceError]] = defaultdict(list)

    def fail(self, call: str, *, times: int = 1, retryable: bool = True, what: str = "service is down") -> None:
        """Let the next calls fail."""
        self._failures[call] += [ChatServiceError(what, status=503, retryable=retryable)] * times

    def heal(self) -> None:
        self._failures.clear()

    def put(self, event: Event) -> None:
        """Deliver this event, whatever is watched."""
        self._events.put_nowait(event)

    def vanish(self) -> None:
        """The process is gone: nothing it does reaches the world any more."""
        self.gone = True
        self.world.listeners.remove(self)

    def invite(self, cid: str) -> None:
        self.world.room(cid)
        self.world.add_member(cid, self.user.id)

    def expel(self, cid: str) -> None:
        self.world.remove_member(cid, self.user.id)

    async def open(self) -> None:
        await super().open()
        self.opened = True

    async def close(self) -> None:
        self.closed = True
        await super().close()

    async def _arrive(self, call: str) -> None:
        self.calls[call] += 1
        await asyncio.sleep(self.latency.get(call, 0.001))
        if self.gone:
            await asyncio.Event().wait()
        if self._failures[call]:
            raise self._failures[call].pop(0)
