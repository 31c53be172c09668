"""Schedules: every tick is one turn for each channel, on any number of replicas and across restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from framework.definition.cron import Cron, read_cron
from framework.definition.hours import DAYS
from framework.definition.triggers import Trigger
from framework.definition.zones import zone

LATE = timedelta(minutes=5)
"""A tick that was missed is caught up with for this long."""
AHEAD = timedelta(seconds=60)
"""Ticks are handed to the engine this long before they are due: it starts them on time, whoever is up then."""
_MINUTE = timedelta(minutes=1)
_CHANGE = timedelta(hours=2)
"""Longer than any hour that clocks skip."""


def ticks(trigger: Trigger, after: datetime, until: datetime) -> Iterator[datetime]:
    """The ticks of a schedule in (after, until], in UTC; meant for minutes, not for years.

    A time of day that clocks show twice in autumn ticks the first time only. One that they skip in spring ticks as long
    after the change as it would have come after it: 2:30 at 3:30. Neither holds for what ticks at every hour.
    Where day of the month and weekday are both named, either is enough, as in cron.
    """
    if not trigger.cron:
        return
    cron, place = _cron(trigger.cron), zone(trigger.timezone)
    at = after.astimezone(UTC).replace(second=0, microsecond=0)
    while at <= until:
        local = at.astimezone(place)
        if at > after and _ticks(cron, at, local, place):
            yield at
        at += _MINUTE


def _ticks(cron: Cron, at: datetime, local: datetime, place: tzinfo) -> bool:
    if cron.hour == "*":
        return _fits(cron, local)
    skipped = _skipped(at, local, place)
    return (_fits(cron, local) and local.fold == 0) or (skipped is not None and _fits(cron, skipped))


def _skipped(at: datetime, local: datetime, place: tzinfo) -> datetime | None:
    """What clocks would show now if they had not been put forward, as long as that is a time that they skipped."""
    now, earlier = local.utcoffset(), (at - _CHANGE).astimezone(place).utcoffset()
    if now is None or earlier is None or earlier >= now:
        return None
    shown = local.replace(tzinfo=None) - (now - earlier)
    there = shown.replace(tzinfo=place).astimezone(UTC).astimezone(place)
    return shown if there.replace(tzinfo=None) != shown else None


def name_of(trigger: Trigger) -> str:
    """A schedule's name: the same as long as it says the same."""
    said = f"{trigger.cron}\n{trigger.timezone}\n{trigger.do}\n{trigger.say}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _fits(cron: Cron, local: datetime) -> bool:
    if not (_among(local.minute, cron.minute) and _among(local.hour, cron.hour) and _among(local.month, cron.month)):
        return False
    day, weekday = _among(local.day, cron.day), _among(DAYS[local.weekday()], cron.day_of_week)
    both_named = cron.day != "*" and cron.day_of_week != "*"
    return (day or weekday) if both_named else (day and weekday)


def _among(value: int | str, field: str) -> bool:
    return field == "*" or str(value) in field.split(",")


@lru_cache(maxsize=500)
def _cron(expression: str) -> Cron:
    return read_cron(expression)
