"""What `check` says of one part of a bot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckFinding:
    """What was looked at, whether it is right, and what there is to say about it. A warning is right, but doubtful."""

    bot: str
    part: str
    ok: bool
    detail: str
    warning: bool = False
