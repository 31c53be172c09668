"""Reads when somebody wants to be reminded, in eight languages: "on Friday at 9", "in zwei Stunden", "jutro o 15:30".

Nothing is guessed. What can mean two times, or a time that is over, is `Unclear`, so that the person can be asked.
`words.json` has the words of each language, without accents. Reading takes linear time.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from framework.campaigns.times import moment
from framework.promises.named_time import LONGEST, PARTS, NamedTime, Unclear, resolved

LONGEST_TEXT = 1_000
"""Characters of a message in which a time is looked for."""
LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "nl", "pl")

_TOKEN = re.compile(r"\d+|[^\W\d_]+|[:./-]")
_LONGEST_PHRASE = 4
_DAY = ("today", "tomorrow", "overmorrow")
_AHEAD = {"today": 0, "tomorrow": 1, "overmorrow": 2}
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(7)}
_NEAR_YEARS = 2
_LETTERS = str.maketrans("łøđ", "lod")  # which no decomposition makes plain


def folded(text: str) -> str:
    """Return a text without case and accents, for comparing."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def read_when(
    text: str, language: str, now: datetime, place: ZoneInfo, *, usual: str = "9:00", ahead: timedelta = LONGEST
) -> datetime | Unclear:
    """Return the time that a text names, in UTC, or why there is none.

    `now` is aware. `place` is the writer's time zone. `usual` is the time of a day that is named alone.
    """
    found = _read(_TOKEN.findall(folded(text[:LONGEST_TEXT])), _lexicon(language))
    at = resolved(found, now.astimezone(place), place, usual, am_pm=language == "en")
    if not isinstance(at, datetime):
        return at
    if at <= now:
        return "past"
    return at if at - now <= ahead else "far"


def read_moment(text: str, now: datetime, place: ZoneInfo, *, ahead: timedelta = LONGEST) -> datetime | Unclear:
    """Return a time in ISO 8601 (`2026-12-04T09:00`, in `place` unless it names its own zone) in UTC."""
    try:
        named = datetime.fromisoformat(text.strip())
    except ValueError:
        return "missing"
    if abs(named.year - now.year) > _NEAR_YEARS:
        return "past" if named.year < now.year else "far"
    at = moment(named, place) if named.tzinfo is None else moment(named.astimezone(place).replace(tzinfo=None), place)
    if at <= now:
        return "past"
    return at if at - now <= ahead else "far"


@dataclass(frozen=True)
class _Lexicon:
    kinds: Mapping[tuple[str, ...], tuple[tuple[str, int], ...]]
    """From the tokens of a phrase to what it may mean: a kind and a number."""

    def at(self, tokens: Sequence[str], place: int, *kinds: str) -> tuple[str, int, int] | None:
        """Return kind, number and length of the longest phrase at a place that is of one of these kinds."""
        for length in range(_LONGEST_PHRASE, 0, -1):
            for kind, number in self.kinds.get(tuple(tokens[place : place + length]), ()):
                if kind in kinds:
                    return kind, number, length
        return None


@cache
def _lexicon(language: str) -> _Lexicon:
    kinds: dict[tuple[str, ...], list[tuple[str, int]]] = {}

    def add(kind: str, phrases: Iterable[str], number: int = 0) -> None:
        for phrase in phrases:
            kinds.setdefault(tuple(_TOKEN.findall(phrase)), []).append((kind, number))

    for kind, known in words(language).items():
        if kind == "numbers":
            for word, number in known.items():
                add("number", [word], number)
        elif kind in {"weekdays", "months"}:
            for number, forms in enumerate(known):
                add(kind, forms, number)
        else:
            add(kind, known)
    return _Lexicon({phrase: tuple(meant) for phrase, meant in kinds.items()})


@cache
def _all_words() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = json.loads(
        resources.files(__package__).joinpath("words.json").read_text(encoding="utf-8")
    )
    return found


def words(language: str) -> Mapping[str, Any]:
    """Return the words of a language, by kind; those of English for one that is not known."""
    return _all_words().get(language, _all_words()["en"])


def _read(tokens: Sequence[str], known: _Lexicon) -> NamedTime:
    found, place = NamedTime(), 0
    while place < len(tokens):
        for read in (_read_vague, _read_offset, _read_date, _read_time, _read_day):
            used = read(tokens, place, known, found)
            if used:
                place += used
                break
        else:
            place += 1
    return found


def _read_vague(tokens: Sequence[str], place: int, known: _Lexicon, found: NamedTime) -> int:
    hit = known.at(tokens, place, "vague", "again")
    if hit is None:
        return 0
    found.vague |= hit[0] == "vague"
    found.again |= hit[0] == "again"
    return hit[2]


def _read_offset(tokens: Sequence[str], place: int, known: _Lexicon, found: NamedTime) -> int:
    """`in 2 hours`, `in half an hour`, `in 1 hour and 30 minutes`."""
    hit = known.at(tokens, place, "in")
    if hit is None:
        return 0
    before = found.has_offset
    end, read = place + hit[2], 0
    while True:
        used = _read_amount(tokens, end, known, found)
        if not used and read and end + 1 < len(tokens):
            used = _read_amount(tokens, end + 1, known, found)
            used += bool(used)
        if not used:
            found.vague |= before and bool(read)
            return end - place if read else 0
        end, read = end + used, read + 1


def _read_amount(tokens: Sequence[str], place: int, known: _Lexicon, found: NamedTime) -> int:
    half, used = known.at(tokens, place, "half"), 0
    if half is not None:
        amount, used = 0.5, half[2]
    elif (number := _number(tokens, place, known)) is not None:
        amount, used = float(number[0]), number[1]
    unit = known.at(tokens, place + used, "minute", "hour", "day", "week", "month") if used else None
    if unit is None:
        return 0
    found.has_offset = True
    if unit[0] == "month":
        found.vague |= amount != int(amount)
        found.months += int(amount)
    else:
        found.offset += _UNITS[unit[0]] * min(amount, 100_000)
    return used + unit[2]


def _read_date(tokens: Sequence[str], place: int, known: _Lexicon, found: NamedTime) -> int:
    """`24 December`, `December 24`, `24.12.`, `24/12/2026`, `2026-12-24`."""
    first = _digits(tokens, place)
    named = known.at(tokens, place, "months")
    if named is not None:
        day = _digits(tokens, place + named[2])
        return _dated(tokens, place, named[2] + 1, found, day, named[1] + 1) if day is not None else 0
    if first is None:
        return 0
    after = place + 1
    skipped = 1 if after < len(tokens) and tokens[after] in {".", "st", "nd", "rd", "th", "de", "di", "do", "of"} else 0
    month = known.at(tokens, after + skipped, "months")
    if month is not None:
        return _dated(tokens, place, 1 + skipped + month[2], found, first, month[1] + 1)
    sign = tokens[after] if after < len(tokens) else ""
    second, third = _digits(tokens, place + 2), _digits(tokens, place + 4)
    again = tokens[place + 3] if place + 3 < len(tokens) else ""
    if sign == "-" and len(tokens[place]) == 4 and second is not None and third is not None:
        found.days.append(("date", (first, second, third)))
        return 5
    if sign not in {".", "/"} or second is None or (sign == "." and again != "."):
        return 0
    found.vague |= sign == "/" and second <= 12 and first <= 12 and first != second
    return _dated(tokens, place, 3, found, first, second)


def _dated(tokens: Sequence[str], place: int, used: int, found: NamedTime, day: int, month: int) -> int:
    """Note a date, with the year if one follows."""
    signs = 0
    while place + used + signs < len(tokens) and tokens[place + used + signs] in {".", "/", "de", "del"} and signs < 1:
        signs += 1
    year = _digits(tokens, place + used + signs)
    has_year = year is not None and len(tokens[place + used + signs]) == 4
    found.days.append(("date", (year if has_year else None, month, day)))
    return used + signs + (1 if has_year else 0)


def _read_time(tokens: Sequence[str], place: int, known: _Lexicon, found: NamedTime) -> int:
    """`at 9`, `9:30`, `9 pm`, `um 9 Uhr 30`, `halb zehn`, `9h`."""
    at = known.at(tokens, place, "at")
    begin = place + (at[2] if at else 0)
    back = known.at(tokens, begin, "half_to", "half_past")
    number = _number(tokens, begin + (back[2] if back else 0), known, digits_only=not (at or back))
    if number is None or number[0] > 24:
        return 0
    hour, end = number[0], begin + (back[2] if back else 0) + number[1]
    minute = -30 if back and back[0] == "half_to" else 30 if back else 0
    is_time = bool(at or back)
    if end + 1 < len(tokens) and tokens[end] in {":", "."} and len(tokens[end + 1]) == 2:
        past = _digits(tokens, end + 1)
        if past is not None and past < 60 and (tokens[end] == ":" or is_time):
            minute, end, is_time = past, end + 2, True
    half = known.at(tokens, end, "am", "pm")
    clock = known.at(tokens, end, "oclock")
    if half is not None:
        found.halves.add(half[0])
        end, is_time = end + half[2], True
    elif clock is not None:
        end, is_time = end + clock[2], True
        past = _digits(tokens, end)
        if past is not None and past < 60 and len(tokens[end]) == 2:
            minute, end = past, end + 1
    if not is_time:
        return 0
    found.by_24_hours |= tokens[begin].startswith("0")
    other = known.at(tokens, end, "or")
    found.vague |= other is not None and _number(tokens, end + other[2], known) is not None
    total = hour * 60 + minute
    if not 0 <= total <= 24 * 60:
        found.vague = True
        return end - place
    found.times.add(time(total // 60 % 24, total % 60))
    return end - place


def _read_day(tokens: Sequence[str], place: int, known: _Lexicon, found: NamedTime) -> int:
    following = known.at(tokens, place, "next")
    if following is not None:
        day = known.at(tokens, place + following[2], "weekdays")
        if day is not None:
            found.days.append(("next", day[1]))
            return following[2] + day[2]
        return 0
    day = known.at(tokens, place, "weekdays")
    if day is not None:
        after = known.at(tokens, place + day[2], "next")
        found.days.append(("next" if after else "weekday", day[1]))
        return day[2] + (after[2] if after else 0)
    hit = known.at(tokens, place, *_DAY, *PARTS)
    if hit is None:
        return 0
    if hit[0] in _DAY:
        found.days.append(("ahead", _AHEAD[hit[0]]))
    else:
        found.halves.add(hit[0])
        if hit[0] == "tonight":
            found.days.append(("ahead", 0))
    return hit[2]


def _number(tokens: Sequence[str], place: int, known: _Lexicon, *, digits_only: bool = False) -> tuple[int, int] | None:
    digits = _digits(tokens, place)
    if digits is not None:
        return digits, 1
    hit = None if digits_only else known.at(tokens, place, "number")
    return (hit[1], hit[2]) if hit else None


def _digits(tokens: Sequence[str], place: int) -> int | None:
    token = tokens[place] if 0 <= place < len(tokens) else ""
    return int(token) if token.isdecimal() and len(token) <= 4 else None
