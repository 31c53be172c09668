"""Schedules: every tick is one turn for each channel, on any number of replicas and across restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from cronsim import CronSim

from framework.definition.expressions.cron import read_cron
from framework.definition.parts.hours import zone
from framework.definition.parts.triggers import Trigger

LATE = timedelta(minutes=5)
"""A tick that was missed is caught up with for this long."""
AHEAD = timedelta(seconds=60)
"""Ticks are handed to the engine this long before they are due: it starts them on time, in a process that runs then."""
_CHANGE = timedelta(hours=2)
"""Longer than what clocks skip, or show twice."""


def ticks(trigger: Trigger, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the ticks of a schedule in (after, until], in UTC; meant for minutes, not for years.

    A time of day that clocks show twice in autumn ticks the first time only. One that they skip in spring ticks as long
    after the change as it would have come after it: 2:30 at 3:30. Neither holds for what ticks at every hour.
    If day of the month and weekday are both named, either is enough, as in cron.
    """
    if not trigger.cron:
        return
    place, expression = zone(trigger.timezone), _read(trigger.cron)
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
    """A schedule's name: the same as long as it says the same."""
    said = f"{trigger.cron}\n{trigger.timezone}\n{trigger.do}\n{trigger.say}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


@lru_cache(maxsize=500)
def _read(expression: str) -> str:
    return read_cron(expression)
