"""Who owns which partition: a rendezvous hash over the replicas that live, and the rows that say so."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from framework.engine.orders import Partition
from framework.engine.port import Job

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from framework.engine.orders import Sighting

PARTITIONS = 256
"""Of each scope. A number that never changes: it is kept with each job."""

Scopes = Collection[str] | None
"""Whose jobs are meant; None: everybody's."""


def number_of(place: str) -> int:
    """The number of a lane's partition."""
    return zlib.crc32(place.encode("utf-8", "surrogatepass")) % PARTITIONS


def partition_of(job: Job) -> Partition:
    """The partition of a job's lane."""
    return Partition(job.scope, number_of(job.place))


def serves(scopes: Scopes, version: int, *, hears: bool = True) -> str:
    """What a replica says of itself: which scopes it serves (None: all), the version of its program, and whether it
    hears of what happens in the channels. One that was just started does not yet.
    """
    named = scopes if scopes is None else sorted({*scopes, ""} if scopes else ())
    return json.dumps({"scopes": named, "version": version, "hears": hears})


class PartitionPlan:
    """What each replica should own, by what all of them say of themselves. The same everywhere."""

    def __init__(self) -> None:
        self._key: object = None
        self._mine: set[Partition] = set()

    def mine(self, me: str, replicas: Sequence[Sighting], scopes: Iterable[str]) -> set[Partition]:
        """The partitions of these scopes that should be ours."""
        key = (me, tuple(sorted((replica.id, replica.serves or "") for replica in replicas)), tuple(sorted(scopes)))
        if key != self._key:
            said = {replica.id: json.loads(replica.serves or "{}") for replica in replicas}
            self._key = key
            self._mine = {one for scope in key[2] for one in _share(me, said, scope)}
        return self._mine


def _share(me: str, said: Mapping[str, Mapping[str, object]], scope: str) -> Iterable[Partition]:
    serving = {name: one for name, one in said.items() if _serves(one, scope)}
    if me not in serving:
        return
    # Whoever does not hear of an older message would answer a newer one before it.
    hearing = {name: one for name, one in serving.items() if one.get("hears", True)} or serving
    newest = max(int(str(one.get("version", 0))) for one in hearing.values())
    candidates = [name for name, one in hearing.items() if one.get("version") == newest]
    for number in range(PARTITIONS):
        if max(candidates, key=lambda name: _score(name, scope, number)) == me:
            yield Partition(scope, number)


def _serves(said: Mapping[str, object], scope: str) -> bool:
    scopes = said.get("scopes", ())
    return scopes is None or (isinstance(scopes, list) and scope in scopes)


def _score(name: str, scope: str, number: int) -> bytes:
    return hashlib.blake2b(f"{name}\n{scope}\n{number}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


class Owners:
    """Statements on the table of owners, inside the caller's transaction."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.scopes: set[str] = set()

    def learn(self, connection: Connection) -> None:
        """Look which scopes there are."""
        from sqlalchemy import select

        from framework.engine.schema import OWNERS

        self.scopes |= set(connection.execute(select(OWNERS.c.scope).distinct()).scalars())

    def introduce(self, connection: Connection, scopes: Iterable[str]) -> None:
        """Have partitions of these scopes, nobody's at first."""
        from framework.engine.schema import OWNERS
        from framework.storage.connection import upsert

        new = set(scopes) - self.scopes
        rows = [{"scope": scope, "number": n, "owner": ""} for scope in sorted(new) for n in range(PARTITIONS)]
        if rows:
            connection.execute(upsert(self._kind)(OWNERS).on_conflict_do_nothing(), rows)

    def claim(self, connection: Connection, me: str, wanted: Collection[Partition]) -> set[Partition]:
        """Take those of these partitions that are nobody's."""
        from sqlalchemy import select, update

        from framework.engine.schema import OWNERS, REPLICAS

        got: set[Partition] = set()
        for scope, numbers in _by_scope(wanted).items():
            known = select(REPLICAS.c.id)
            free = (OWNERS.c.owner == "") | (OWNERS.c.owner == me) | OWNERS.c.owner.not_in(known)
            mine = OWNERS.c.scope == scope, OWNERS.c.number.in_(numbers)
            taken = update(OWNERS).where(*mine, free).values(owner=me).returning(OWNERS.c.number)
            got |= {Partition(scope, number) for number in connection.execute(taken).scalars()}
        return got

    def release(self, connection: Connection, me: str, partitions: Collection[Partition]) -> None:
        """Let others take these."""
        from sqlalchemy import update

        from framework.engine.schema import OWNERS

        for scope, numbers in _by_scope(partitions).items():
            mine = OWNERS.c.owner == me, OWNERS.c.scope == scope, OWNERS.c.number.in_(numbers)
            connection.execute(update(OWNERS).where(*mine).values(owner=""))

    def free(self, connection: Connection, owner: str) -> None:
        """All that this replica owned is nobody's."""
        from sqlalchemy import update

        from framework.engine.schema import OWNERS

        connection.execute(update(OWNERS).where(OWNERS.c.owner == owner).values(owner=""))


def _by_scope(partitions: Collection[Partition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for scope, number in partitions:
        found.setdefault(scope, []).append(number)
    return found
