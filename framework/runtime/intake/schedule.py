"""Schedules: every tick is one turn for each channel, on any number of replicas and across restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice

from cronsim import CronSim

from framework.definition.expressions.cron import read_cron
from framework.definition.parts.hours import zone
from framework.definition.parts.triggers import Trigger, read_moment

LATE = timedelta(minutes=5)
"""How old a tick may be that still runs after a restart, even with `missed: skip`."""
ANCHOR = datetime(2001, 1, 1)  # noqa: DTZ001 - a Monday, at midnight in the zone of the schedule
"""From when `every` counts."""
AHEAD = timedelta(seconds=60)
"""Ticks are handed to the engine this long before they are due: it starts them on time, in a process that runs then."""
_CHANGE = timedelta(hours=2)
"""Longer than what clocks skip, or show twice."""


def ticks(trigger: Trigger, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the ticks of a schedule in (after, until], in UTC and without jitter; meant for months, not for decades.

    A time of day that clocks show twice in autumn ticks the first time only. One that they skip in spring ticks as long
    after the change as it would have come after it: 2:30 at 3:30. Neither holds for what ticks at every hour.
    If day of the month and weekday are both named, either is enough, as in cron.
    """
    place = zone(trigger.timezone)
    if trigger.at:
        named = read_moment(trigger.at)
        at = (named if named.tzinfo else named.replace(tzinfo=place)).astimezone(UTC)
        yield from (one for one in (at,) if after < one <= until)
    elif trigger.every:
        yield from _evenly(trigger.every, ANCHOR.replace(tzinfo=place).astimezone(UTC), after, until)
    elif trigger.cron:
        yield from _by_cron(_read(trigger.cron), place, after, until)


def due_of(trigger: Trigger, tick: datetime) -> datetime:
    """Return when a tick runs: moved within `jitter` by what all processes compute alike."""
    if not trigger.jitter:
        return tick
    digest = hashlib.sha256(f"{name_of(trigger)}\n{tick.isoformat()}".encode()).digest()
    share = int.from_bytes(digest[:6], "big") / 2**48
    return tick + timedelta(seconds=int(trigger.jitter.total_seconds() * share))


def due(trigger: Trigger, after: datetime, until: datetime, now: datetime) -> list[datetime]:
    """Return the ticks that run in (after, until], less those that were missed and are not to run.

    A tick whose time is past is missed. It is never run if it is older than `missed_within`; with `skip`, if it is more
    than some minutes old (`LATE`: the time of a restart); with `run_once`, if another missed one comes after it.
    """
    found = [tick for tick in ticks(trigger, after - trigger.jitter, until) if after < due_of(trigger, tick) <= until]
    late = [tick for tick in found if due_of(trigger, tick) < now]
    oldest = min(LATE, trigger.missed_within) if trigger.missed == "skip" else trigger.missed_within
    missed = [tick for tick in late if now - due_of(trigger, tick) <= oldest]
    if trigger.missed == "run_once":
        missed = missed[-1:]
    return [tick for tick in found if tick in missed or tick not in late]


def next_due(trigger: Trigger, now: datetime, count: int) -> list[datetime]:
    """Return when a schedule runs next, so many times, within eight years."""
    found: list[datetime] = []
    for days in (2, 40, 400, 3000):
        found = [due_of(trigger, tick) for tick in islice(ticks(trigger, now, now + timedelta(days=days)), count)]
        if len(found) == count:
            break
    return found


def _evenly(every: timedelta, anchor: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield anchor + n * every. The anchor never moves, so neither restarts nor replicas shift the times."""
    tick = anchor + ((after - anchor) // every + 1) * every
    while tick <= until:
        yield tick
        tick += every


def _by_cron(expression: str, place: tzinfo, after: datetime, until: datetime) -> Iterator[datetime]:
    every_hour = expression.split()[1] == "*"
    # Around a change, what clocks show does not tell what was before what.
    shown = CronSim(expression, after.astimezone(place).replace(tzinfo=None) - _CHANGE)
    latest = until.astimezone(place).replace(tzinfo=None) + _CHANGE
    found: set[datetime] = set()
    for local in shown:
        if local > latest:
            break
        found |= {at for at in _moments(local, place, every_hour=every_hour) if after < at <= until}
    yield from sorted(found)


def _moments(local: datetime, place: tzinfo, *, every_hour: bool) -> Iterator[datetime]:
    """Yield the times, in UTC, at which clocks show this. For one that they skip: as much later as they skip."""
    first, second = (local.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if not every_hour:
        yield first
        return
    yield from (at for at in (first, second) if at.astimezone(place).replace(tzinfo=None) == local)


def name_of(trigger: Trigger) -> str:
    """A schedule's name: its own, or one that is the same as long as it says the same."""
    if trigger.name:
        return trigger.name
    said = f"{trigger.cron}\n{trigger.timezone}\n{trigger.do}\n{trigger.say}"
    if not trigger.cron:
        said += f"\n{trigger.at}\n{trigger.every}"
    if trigger.run:
        said += f"\n{trigger.run.model_dump_json()}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


@lru_cache(maxsize=500)
def _read(expression: str) -> str:
    return read_cron(expression)
