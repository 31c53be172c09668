"""What a look at one thing comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "doubtful", "wrong"]


@dataclass(frozen=True)
class Remedy:
    """Something that can be done without harm. `what` says it to a person, before `do` does it."""

    what: str
    do: Callable[[], None]


@dataclass(frozen=True)
class HealthFinding:
    """One thing. `group` is the machine, the chat service, the database or a bot. `detail` says how it is, `hint` what
    to do about it; `remedy` is what `--fix` does.
    """

    part: str
    state: State
    detail: str
    hint: str = ""
    remedy: Remedy | None = None
    group: str = ""


def ok(part: str, detail: str) -> HealthFinding:
    """It is as it should be."""
    return HealthFinding(part, "ok", detail)


def doubtful(part: str, detail: str, hint: str = "", remedy: Remedy | None = None) -> HealthFinding:
    """It works, and may not be what somebody wants."""
    return HealthFinding(part, "doubtful", detail, hint, remedy)


def wrong(part: str, detail: str, hint: str, remedy: Remedy | None = None) -> HealthFinding:
    """It must be mended."""
    return HealthFinding(part, "wrong", detail, hint, remedy)
