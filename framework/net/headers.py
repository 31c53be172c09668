"""What the headers of an HTTP answer say of time and of limits. Names of headers are in lower case here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

LONGEST_LIMIT = 60.0
"""Seconds. Limits are counted by the minute: an end further away than that is a clock that is wrong."""
UNTOLD_LIMIT = 1.0
"""Seconds to wait after a refusal that does not say for how long."""


def header_number(headers: Mapping[str, str], name: str) -> float | None:
    """Return a header as a number, the first if there are several, or None if it is not one."""
    try:
        return float(headers.get(name, "").split(",")[0])
    except ValueError:
        return None


def service_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the time on the service's clock when it answered, or None if it does not say."""
    return _parsed(headers.get("date", ""))


def limit_ends_in(headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds until the service takes calls again, at most `LONGEST_LIMIT`.

    An end that is given as a time is read on the service's own clock, or on ours (`now`) if it does not tell its time.
    """
    seconds, reset = header_number(headers, "retry-after"), header_number(headers, "x-ratelimit-reset")
    if seconds is None and reset is not None:
        seconds = reset - (service_time(headers) or now).timestamp()
    return min(max(seconds if seconds is not None else UNTOLD_LIMIT, 0.0), LONGEST_LIMIT)


@lru_cache(maxsize=8)
def _parsed(date: str) -> datetime | None:
    """Return a time as HTTP writes it: the same for all answers of a second."""
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return None
