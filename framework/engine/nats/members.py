"""Who lives: each replica keeps a heartbeat in NATS, and judges the others by its own clock alone."""

from __future__ import annotations

import asyncio
import json
import math
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from framework.engine.nats.records import HEARTBEATS, call_at, heartbeat_at
from framework.engine.orders import Sighting

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from framework.engine.liveness import Rhythm
    from framework.engine.nats.store import NatsStore

_PROBED = 0.5  # seconds
_KEPT = 60.0  # seconds: who has no heartbeat kept is long dead


@dataclass
class _Seen:
    sighting: Sighting
    at: float
    running: int = 0


class Members:
    """All replicas, ourselves included. `identity` changes when others had declared us dead."""

    def __init__(self, store: NatsStore, name: str, rhythm: Rhythm, monotonic: Callable[[], float]) -> None:
        self.name = name
        self.identity = ""
        self.former: set[str] = set()
        self.serves = ""
        self.running = 0
        self.changed = asyncio.Event()
        self._store = store
        self._rhythm = rhythm
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}
        self._left: set[str] = set()
        self._number = 0
        self._ticked = monotonic()
        self._stood_still = -math.inf
        self._confirmed = ("", -math.inf)  # whose heartbeat was kept, and when it was sent; replaced as one

    async def listen(self) -> None:
        """Hear the others from now on."""
        await self._store.client.subscribe(HEARTBEATS, cb=self._hear)

    def become(self, identity: str) -> None:
        """Be known under this id from now on."""
        if self.identity:
            self.former.add(self.identity)
        self.identity = identity
        self._confirmed = ("", -math.inf)

    @property
    def others(self) -> list[Sighting]:
        """Those who live, but for ourselves."""
        now = self._monotonic()
        return [one.sighting for one in self._seen.values() if now - one.at <= self._rhythm.lease]

    @property
    def everybody(self) -> list[Sighting]:
        """Those who live."""
        return [*self.others, Sighting(self.identity, self.name, self._number, self.serves)]

    @property
    def running_elsewhere(self) -> int:
        """How many jobs run on the others."""
        now = self._monotonic()
        return sum(one.running for one in self._seen.values() if now - one.at <= self._rhythm.lease)

    def trusts(self, owner: str) -> bool:
        """Whether we are this owner, and nobody can have declared us dead. From any thread."""
        identity, at = self._confirmed
        return owner == identity and self._monotonic() - at < self._rhythm.lease

    async def beat(self) -> None:
        """Say that we live. Returns once it is kept, by the same servers that keep all other writes."""
        sent = self._monotonic()
        if sent - self._ticked > self._rhythm.grace:
            self.forget()  # we stood still: that the others were silent meanwhile says nothing of them
        self._ticked, self._number = sent, self._number + 1
        await self._store.put(heartbeat_at(self.identity), self._body(), ttl=_KEPT, final=True)
        if self._monotonic() - sent > self._rhythm.grace:
            self.forget()  # NATS stood still
        self._confirmed = (self.identity, sent)

    def distrust(self) -> None:
        """The connection is gone: others may think that we are. We heard nothing of them meanwhile, either."""
        self.forget()
        self._confirmed = ("", -math.inf)

    async def probe(self) -> None:
        """Ask those who are silent. Where nobody is there to hear it, the process has ended, or was cut off."""
        now = self._monotonic()
        if now - self._stood_still <= self._rhythm.lease:
            return  # others connect anew, as we did
        silent = [one.sighting.id for one in self._seen.values() if now - one.at > self._rhythm.grace]
        gone = await asyncio.gather(*(self._is_gone(identity) for identity in silent))
        for identity, is_gone in zip(silent, gone, strict=True):
            if is_gone and self._monotonic() - self._seen[identity].at > self._rhythm.grace:
                del self._seen[identity]
                self._left.add(identity)

    async def _is_gone(self, identity: str) -> bool:
        try:
            await self._store.client.request(call_at(identity), b"", timeout=_PROBED)
        except NoRespondersError:
            return True
        except (NatsError, TimeoutError, OSError):
            return False  # it does not answer, or NATS does not
        return False

    async def leave(self) -> None:
        """Say that we are gone."""
        self.serves = ""
        await self._store.client.publish(heartbeat_at(self.identity), self._body(left=True))

    def forget(self) -> None:
        """Count the silence of all others anew."""
        now = self._monotonic()
        self._stood_still = now
        for one in self._seen.values():
            one.at = max(one.at, now)

    async def is_dead(self, identity: str) -> bool:
        """Whether a replica that owns something has been silent for too long, in what NATS keeps as well."""
        if identity in self.former or identity in self._left:
            return True
        now = self._monotonic()
        seen = self._seen.get(identity)
        if seen is not None and now - seen.at <= self._rhythm.lease:
            return False
        kept = await self._store.last(heartbeat_at(identity))
        if kept is None:
            return True
        if seen is None or json.loads(kept.data)["beat"] != seen.sighting.beat:
            self._note(kept.data)  # it lives, or we have not waited for long enough to say
            return False
        return True

    def _body(self, *, left: bool = False) -> bytes:
        said = {
            "id": self.identity,
            "name": self.name,
            "beat": self._number,
            "serves": self.serves,
            "running": self.running,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "left": left,
        }
        return json.dumps(said).encode()

    async def _hear(self, message: Msg) -> None:
        if message.data and message.subject != heartbeat_at(self.identity):
            self._note(message.data)

    def _note(self, data: bytes) -> None:
        said = json.loads(data)
        identity = said["id"]
        if identity in self.former or identity == self.identity:
            return
        self._left.discard(identity)
        before = self._seen.get(identity)
        if said.get("left"):
            self._seen.pop(identity, None)
            self._left.add(identity)
            self.changed.set()
            return
        sighting = Sighting(identity, said["name"], said["beat"], said["serves"])
        self._seen[identity] = _Seen(sighting, self._monotonic(), said["running"])
        if before is None or before.sighting.serves != sighting.serves:
            self.changed.set()

    def prune(self) -> None:
        """Forget those who have been silent for long."""
        now = self._monotonic()
        for identity in [identity for identity, one in self._seen.items() if now - one.at > _KEPT * 10]:
            del self._seen[identity]
