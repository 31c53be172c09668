"""Schedules in five fields, as cron has them: minute, hour, day of the month, month, day of the week."""

from __future__ import annotations

import re

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ENTRY = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")


def read_cron(text: str) -> str:
    """Return the five fields with ranges and steps written out and weekdays by name.

    A field with all its values is `*`. Raises ValueError naming the field that is wrong.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{text!r} has {len(fields)} fields; cron has five (minute, hour, day, month, weekday), as in `0 9 * * 1-5`"
        )
    minute, hour, day, month, week = (_read(field, *spec) for field, spec in zip(fields, _FIELDS, strict=True))
    # With a weekday named too, either is enough, as in cron.
    if len(week) == len(_DAYS) and min(day) > max(_LONGEST[number - 1] for number in month):
        raise ValueError(f"{text!r} never comes: no month of `{fields[3]}` has a day {min(day)}")
    return " ".join((_listed(minute, 60), _listed(hour, 24), _listed(day, 31), _listed(month, 12), _named(week)))


def _listed(values: set[int], all_of_them: int) -> str:
    return "*" if len(values) == all_of_them else ",".join(map(str, sorted(values)))


def _named(week: set[int]) -> str:
    return "*" if len(week) == len(_DAYS) else ",".join(_DAYS[day] for day in sorted(week, key=lambda d: (d - 1) % 7))


def _read(field: str, name: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    found: set[int] = set()
    for entry in field.split(","):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(f"{entry!r} is not a valid {name}; write {low}-{high}, *, a list 1,2 or a step */5")
        step = int(match["step"] or 1)
        first = low if match["first"] == "*" else _number(match["first"], name, low, high, words)
        last = high if match["first"] == "*" or (match["step"] and not match["last"]) else first
        if match["last"]:
            last = _number(match["last"], name, low, high, words)
        if words is _DAYS and last < first:
            last += 7  # fri-mon goes over the weekend
        if step < 1 or last < first:
            raise ValueError(f"{entry!r} is not a valid {name}: it goes backwards or stands still")
        found |= set(range(first, last + 1, step))
    # Sunday is 0 and 7.
    return {value % 7 for value in found} if words is _DAYS else found


def _number(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> int:
    if text in words:
        return words.index(text) + (1 if words is _MONTHS else 0)
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is not a valid {name}; it goes from {low} to {high}")
    return int(text)
