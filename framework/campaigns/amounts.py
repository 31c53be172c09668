"""Shares and rates as campaigns write them: `10%`, `600 per 1m`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from framework.definition.parts.part import read_duration

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)\s*%")
_RATE = re.compile(r"(\d{1,9})\s+(?:per|in)\s+(\S[^\n]*)")
_WHOLE = 100


@dataclass(frozen=True)
class Rate:
    """At most `count` messages within `period`."""

    count: int
    period: timedelta


def read_share(text: str) -> float:
    """Read `10%` as 0.1. Raises ValueError."""
    match = _SHARE.fullmatch(text.strip())
    if match is None or float(match[1]) > _WHOLE:
        raise ValueError(f"{text!r} is not a share; write it as in 10%")
    return float(match[1]) / _WHOLE


def read_rate(text: str) -> Rate:
    """Read `1 per 7d` or `600 per 1m`. Raises ValueError."""
    match = _RATE.fullmatch(text.strip())
    wrong = f"{text!r} is not a rate; write it as in 1 per 7d or 600 per 1m"
    if match is None or int(match[1]) < 1:
        raise ValueError(wrong)
    try:
        period = read_duration(match[2])
    except ValueError:
        raise ValueError(wrong) from None
    if not isinstance(period, timedelta) or period <= timedelta():
        raise ValueError(wrong)
    return Rate(int(match[1]), period)


def read_end(text: str) -> datetime | timedelta:
    """Read `2d`, the time after the message was due, or `2026-12-31T18:00`, a moment. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        end = read_duration(text)
    except ValueError:
        end = None
    if not isinstance(end, timedelta) or end <= timedelta():
        raise ValueError(f"{text!r} is neither a duration nor a time; write it as in 2d or 2026-12-31T18:00")
    return end
