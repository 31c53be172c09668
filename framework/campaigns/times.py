"""When a person gets the message: a moment, or a time in their zone, and never in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from framework.campaigns.amounts import read_end
from framework.definition.parts.hours import read_spans

_DAY = 24 * 60
MARGIN = timedelta(minutes=1)
"""Quiet hours begin so much earlier, because a message that is handed over takes a moment to arrive."""
FIRST_ZONE = ZoneInfo("Etc/GMT-14")
"""Where a day begins first. A time in each person's zone begins there."""


def moment(wall: datetime, place: ZoneInfo) -> datetime:
    """Return when clocks in a zone show a time, in UTC.

    A time that they show twice is the first of the two. One that they skip comes as long after the change as it would
    have come after it: 2:30 at 3:30.
    """
    return wall.replace(tzinfo=place, fold=0).astimezone(UTC)


def next_time_of_day(text: str, place: ZoneInfo, now: datetime) -> datetime:
    """Return when it is next so late in a zone, now or later, in UTC."""
    hour, minute = map(int, text.split(":"))
    today = now.astimezone(place).date()
    for ahead in (0, 1, 2):
        at = moment(datetime.combine(today + timedelta(days=ahead), time(hour, minute)), place)
        if at >= now.replace(second=0, microsecond=0):
            return at
    raise AssertionError("one of the next days has every time")


def after_quiet(at: datetime, place: ZoneInfo, quiet: str) -> datetime:
    """Return `at`, or the end of the quiet hours that it lies in, in UTC.

    Quiet hours count one minute more at their beginning.
    """
    spans = read_spans(quiet)
    moved = at
    for _ in range(2 * len(spans) + 1):
        ends = [end for span in spans if (end := _end_of(moved, place, span)) is not None]
        if not ends:
            break
        moved = max(ends)
    return moved


def _end_of(at: datetime, place: ZoneInfo, span: tuple[int, int]) -> datetime | None:
    """Return the end of a quiet span if a moment lies in it. Both are compared as moments, so clocks may change."""
    day = at.astimezone(place).date()
    for begin in (day - timedelta(days=1), day, day + timedelta(days=1)):
        midnight = datetime.combine(begin, time())
        start = moment(midnight + timedelta(minutes=span[0]), place)
        # Of a time that clocks show twice, quiet hours end with the second one; one that they skip comes after it.
        shown = (midnight + timedelta(minutes=span[1])).replace(tzinfo=place)
        end = max(shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if start - MARGIN <= at < end:
            return end
    return None


def end_of(text: str, due: datetime, place: ZoneInfo) -> datetime | None:
    """Return the moment after which a message that was due then is not sent any more; None if it may always be."""
    if not text:
        return None
    end = read_end(text)
    if isinstance(end, timedelta):
        return due + end
    return end.astimezone(UTC) if end.tzinfo else moment(end, place)
