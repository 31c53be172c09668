"""Time zones by name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError where there is none."""
    try:
        # The name becomes a file's path: nothing that could leave its folder goes there.
        if _NAME.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass  # A folder such as `Europe` is an OSError.
    raise ValueError(f"{name!r} is no time zone; {_nearest(name)}")


def _nearest(name: str) -> str:
    names = available_timezones()
    ends = sorted(known for known in names if known.lower().endswith("/" + name.lower().replace(" ", "_")))
    # Places alone: EST is near to CEST, and half a world away.
    near = ends or get_close_matches(name, sorted(known for known in names if "/" in known), n=1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else "name a place, as in Europe/Berlin, or UTC"


def known_zone(name: str) -> str:
    """Check a time zone's name and give it back. Raises ValueError."""
    zone(name)
    return name
