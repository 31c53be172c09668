"""What every part of a declaration has in common, and how durations are written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _read_duration(value: object) -> object:
    """Read `90s`, `10m`, `24h`, `7d`; other forms go on to pydantic's own reading."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value) if isinstance(value, str) else None
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]]) if match else value


Duration = Annotated[timedelta, BeforeValidator(_read_duration)]


class Part(BaseModel):
    """The common ground of every part: no unknown keys, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
