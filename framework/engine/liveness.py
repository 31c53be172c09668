"""Who is dead: told from the beats that others see, by their own clocks alone, so that no two clocks must agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from framework.engine.orders import Sighting


@dataclass(frozen=True)
class Rhythm:
    """In seconds. `lease`: silent for longer is dead; a replica trusts its own last beat for as long.

    `grace`: silent for longer, and without its lock, is dead as well. `poll`: how often a SQLite file is looked at for
    what other processes did, `alone`: the same while no other is known; `safety`: how often a Postgres server is asked
    in case a wake-up was lost. `prune`: how often old jobs are looked for, `audit`: those that were overlooked.
    `enqueue` and `save`: how long these wait for a database that is away.
    """

    beat: float = 1.0
    lease: float = 5.0
    grace: float = 2.0
    poll: float = 0.1
    alone: float = 1.0
    safety: float = 3.0
    prune: float = 60.0
    audit: float = 15.0
    enqueue: float = 5.0
    save: float = 30.0


def enduring_monotonic() -> float:
    """Seconds that go on while the machine sleeps, where the system can tell: a lease must run out meanwhile."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass
class _Seen:
    beat: int
    since: float


class Watch:
    """Remembers since when each replica has been silent."""

    def __init__(self, rhythm: Rhythm, monotonic: Callable[[], float]) -> None:
        self._rhythm = rhythm
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}

    def forget(self) -> None:
        """The database was away: that nobody could beat says nothing of anybody."""
        self._seen.clear()

    def dead(
        self,
        sightings: Sequence[Sighting],
        *,
        certainly: Collection[str] = (),
        unlocked: Collection[str] = (),
    ) -> list[Sighting]:
        """Those to evict. `certainly`: ids known to be gone. `unlocked`: ids without their lock, gone or cut off."""
        now = self._monotonic()
        self._seen = {sighting.id: self._note(sighting, now) for sighting in sightings}
        found = []
        for sighting in sightings:
            silence = now - self._seen[sighting.id].since
            limit = self._rhythm.grace if sighting.id in unlocked else self._rhythm.lease
            if sighting.id in certainly or silence > limit:
                found.append(sighting)
        return found

    def _note(self, sighting: Sighting, now: float) -> _Seen:
        seen = self._seen.get(sighting.id)
        return seen if seen is not None and seen.beat == sighting.beat else _Seen(sighting.beat, now)
