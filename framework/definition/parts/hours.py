"""Office hours, also over midnight, in any time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, field_validator

from framework.definition.parts.part import ONE_OR_MANY, Part

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?")
_MIDNIGHT = 24 * 60
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_LOOK_AHEAD = 400
"""Days in which the next opening is searched: a year with all its holidays."""
Span = tuple[int, int]
"""From and to, in minutes after midnight of the first day. `to` is over 1440 if the span ends on the next day."""


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises ValueError for an unknown one."""
    try:
        # The name becomes a file's path, so it must not lead out of the folder.
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass  # A folder such as `Europe` is an OSError.
    raise ValueError(f"{name!r} is not a time zone; {_nearest(name)}")


def _nearest(name: str) -> str:
    names = available_timezones()
    ends = sorted(known for known in names if known.lower().endswith("/" + name.lower().replace(" ", "_")))
    # Only places: EST is near to CEST as a word, and half a world away.
    near = ends or get_close_matches(name, sorted(known for known in names if "/" in known), n=1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else "name a place, as in Europe/Berlin, or UTC"


def known_zone(name: str) -> str:
    """Check a time zone's name and give it back. Raises ValueError."""
    zone(name)
    return name


def _days(value: str) -> str:
    read_days(value)
    return value


def _times(value: str) -> str:
    read_spans(value)
    return value


def _date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a date; write it as in 2026-12-25") from None
    return value


class OfficeHours(Part):
    """When the bot, or the team, is there. A day that is not named is closed. Times: `9:00-12:30, 14:00-17:00`."""

    timezone: str = Field("UTC", description="An IANA time zone, as in Europe/Berlin.", examples=["Europe/Berlin"])
    days: dict[Annotated[str, AfterValidator(_days)], Annotated[str, AfterValidator(_times)]] = Field(
        default_factory=dict,
        description="Times for mon, tue, wed, thu, fri, sat, sun, or for ranges such as mon-fri. `22:00-6:00` is a "
        "night.",
        examples=[{"mon-fri": "9:00-17:00", "sat": "10:00-13:00"}],
    )
    closed: Annotated[tuple[Annotated[str, AfterValidator(_date)], ...], ONE_OR_MANY] = Field(
        (), description="Dates on which it is closed, as in 2026-12-25.", examples=[["2026-12-25"]]
    )

    _zone = field_validator("timezone")(known_zone)

    def is_open(self, now: datetime) -> bool:
        """Return whether it is open at a time (aware)."""
        local = now.astimezone(zone(self.timezone))
        minute = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        if today in self._closed_dates:
            return False
        return any(start <= minute < end for start, end in self._spans(today)) or any(
            minute < end - _MIDNIGHT for _, end in self._spans(yesterday)
        )

    def next_opening(self, now: datetime) -> datetime | None:
        """Return the next opening, in its own time zone: `now` if it is open, None if it stays closed for a year."""
        place = zone(self.timezone)
        local = now.astimezone(place)
        if self.is_open(now):
            return local
        for ahead in range(_LOOK_AHEAD):
            day = local.date() + timedelta(days=ahead)
            for start, _ in self._spans(day):
                opening = datetime.combine(day, time(start // 60, start % 60), place)
                # Through UTC: if clocks skip the opening in spring, it is shown an hour later.
                opening = opening.astimezone(UTC).astimezone(place)
                if opening > local and self.is_open(opening):
                    return opening
        return None

    def _spans(self, day: date) -> list[Span]:
        return [] if day in self._closed_dates else self.week[day.weekday()]

    @cached_property
    def week(self) -> list[list[Span]]:
        """Return the spans of Monday to Sunday."""
        return read_week(self.days)

    @cached_property
    def _closed_dates(self) -> frozenset[date]:
        return frozenset(date.fromisoformat(value) for value in self.closed)


def suspicious_night(text: str) -> str:
    """Return a span over midnight of more than half a day, such as `17:00-9:00`: likely a slip. Return "" if none."""
    spans = ((entry.strip(), span) for entry in text.split(",") for span in read_spans(entry))
    return next((entry for entry, (start, end) in spans if end - start > _MIDNIGHT // 2 and end > _MIDNIGHT), "")


def read_week(days: dict[str, str]) -> list[list[Span]]:
    """Return the spans of Monday to Sunday. A single day wins over a range that includes it.

    Raises ValueError for what is not a day or no time.
    """
    week: list[list[Span]] = [[] for _ in DAYS]
    # The widest ranges first, so that the narrower ones replace them.
    entries = sorted(((read_days(key), read_spans(text)) for key, text in days.items()), key=lambda e: -len(e[0]))
    for indexes, spans in entries:
        for index in indexes:
            week[index] = spans
    return week


def read_days(text: str) -> list[int]:
    """Read `mon`, `mon-fri`, `sat, sun` as numbers; Monday is 0. Raises ValueError."""
    indexes: list[int] = []
    for entry in text.lower().replace(" ", "").split(","):
        first, dash, last = entry.partition("-")
        start, end = _day(first, text), _day(last if dash else first, text)
        indexes += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return list(dict.fromkeys(indexes))


def _day(word: str, text: str) -> int:
    for names in (DAYS, _LONG_DAYS):
        if word in names:
            return names.index(word)
    raise ValueError(f"{text!r} is not a day; write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri")


def read_spans(text: str) -> list[Span]:
    """Read `9:00-12:30, 14:00-17:00` as minutes; `closed` has no spans. Raises ValueError."""
    if text.strip().lower() in {"", "closed"}:
        return []
    spans: list[Span] = []
    for entry in text.split(","):
        match = _SPAN.fullmatch(entry.strip())
        if match is None:
            raise ValueError(f"{entry.strip()!r} are not times; write 9:00-17:00, several with a comma, or closed")
        start, end = _minutes(match[1], match[2], entry), _minutes(match[3], match[4], entry)
        if start == end != 0:
            raise ValueError(f"{entry.strip()!r} ends when it begins; a whole day is 0:00-24:00")
        start %= _MIDNIGHT
        spans.append((start, end if end > start else end + _MIDNIGHT))
    return sorted(spans)


def _minutes(hour: str, minute: str | None, entry: str) -> int:
    total = int(hour) * 60 + int(minute or 0)
    if int(minute or 0) > 59 or total > _MIDNIGHT:
        raise ValueError(f"{entry.strip()!r} has a time that no clock shows")
    return total
