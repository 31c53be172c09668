"""What `check` says of one part of a bot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckFinding:
    """A part of a bot, whether it is right, and a sentence about it. A warning is right, but doubtful."""

    bot: str
    part: str
    ok: bool
    detail: str
    warning: bool = False
