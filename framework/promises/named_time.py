"""What a text names of a time, and the one moment that this means: or why there is none, so that it can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from framework.campaigns.times import moment

Day = int | tuple[int | None, int, int]
"""Days ahead, the number of a weekday, or year, month and day."""
Unclear = Literal["missing", "vague", "repeated", "past", "far"]
"""Why there is no time: none is named; it can mean several; it comes again and again; it is over; it is too far off."""

LONGEST = timedelta(days=366)
"""How far ahead something may be promised."""
PARTS = {"morning": 9, "noon": 12, "afternoon": 15, "evening": 19, "tonight": 21, "midnight": 24}
"""The hour of a part of a day that is named alone."""
_LATE = frozenset({"afternoon", "evening", "tonight"})
_FIRST_SURE_HOUR = 7
"""In a language with am and pm, "at 7" is the morning, and "at 5" may be either."""


@dataclass
class NamedTime:
    """What a text names, as it was read."""

    offset: timedelta = timedelta(0)
    months: int = 0
    days: list[tuple[str, Day]] = field(default_factory=list)
    times: set[time] = field(default_factory=set)
    halves: set[str] = field(default_factory=set)
    """`am` and `pm` beside a time, or the names of parts of a day."""
    vague: bool = False
    again: bool = False
    has_offset: bool = False
    by_24_hours: bool = False
    """The hour is written in a way that only a clock of 24 hours has: `05:00`."""


def resolved(found: NamedTime, local: datetime, place: ZoneInfo, usual: str, *, am_pm: bool) -> datetime | Unclear:
    """Return the time in UTC. `local` is now, in the zone of the person."""
    if found.again:
        return "repeated"
    if found.vague or len(found.times) > 1:
        return "vague"
    clock = _clock(found, am_pm=am_pm)
    if clock == "vague":
        return "vague"
    if found.has_offset:
        return _from_now(found, local, place, clock)
    days = {_date_of(*one, local) for one in found.days}
    if len(days) > 1:
        return "vague"
    if not days:
        if clock is None:
            return "missing"
        at = moment(datetime.combine(local.date(), clock), place)
        return at if at > local else "vague"  # today it is over: tomorrow, or another hour?
    hour, minute = map(int, usual.split(":"))
    day = days.pop()
    if day is None:
        return "vague"
    if clock is None and found.days == [("ahead", 0)]:
        return "missing"  # today, but when?
    return moment(datetime.combine(day, clock or time(hour, minute)) + _past_midnight(found), place)


def _past_midnight(found: NamedTime) -> timedelta:
    return timedelta(days=1) if "midnight" in found.halves and not found.times else timedelta(0)


def _clock(found: NamedTime, *, am_pm: bool) -> time | Literal["vague"] | None:
    """Return the time of day, None if none is named."""
    parts = found.halves - {"am", "pm"}
    if not found.times:
        if len(parts) > 1:
            return "vague"
        return time(PARTS[parts.pop()] % 24) if parts else None
    [at] = found.times
    late, early = bool(found.halves & (_LATE | {"pm"})), bool(found.halves & {"am", "morning"})
    if late and early:
        return "vague"
    if late or early:
        if at.hour > 12:
            return at if late else "vague"
        return at.replace(hour=at.hour % 12 + (12 if late else 0))
    return "vague" if am_pm and not found.by_24_hours and 1 <= at.hour < _FIRST_SURE_HOUR else at


def _from_now(
    found: NamedTime, local: datetime, place: ZoneInfo, clock: time | Literal["vague"] | None
) -> datetime | Unclear:
    if found.days or clock == "vague":
        return "vague"
    small = found.offset % timedelta(days=1)
    if small or not (found.offset or found.months):
        if clock is not None or found.months:
            return "vague"
        return (local.astimezone(_utc()) + found.offset) if found.offset else "past"
    month = local.month - 1 + found.months
    day = _valid(local.year + month // 12, month % 12 + 1, min(local.day, 28))
    if day is None or found.offset > LONGEST * 2:
        return "far"
    wall = datetime.combine(day if found.months else local.date(), clock or local.time()) + found.offset
    return moment(wall, place)


def _utc() -> ZoneInfo:
    return ZoneInfo("UTC")


def _date_of(kind: str, value: Day, local: datetime) -> date | None:
    """Return the day that is meant; None if it does not exist or may be one of two."""
    today = local.date()
    if isinstance(value, int):
        if kind == "ahead":
            return today + timedelta(days=value)
        ahead = (value - today.weekday()) % 7
        if ahead == 0:
            return None
        in_next_week = today.weekday() + ahead > 6
        return today + timedelta(days=ahead) if kind == "weekday" or in_next_week else None
    year, month, day = value
    if year is not None:
        return _valid(year, month, day)
    this = _valid(today.year, month, day)
    return this if this is not None and this >= today else _valid(today.year + 1, month, day)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
