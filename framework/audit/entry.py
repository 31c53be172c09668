"""One line of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal[
    "started", "done", "failed", "refused", "invalid", "waits for approval", "approved", "denied", "expired"
]

LONGEST = 4_000
"""Characters of arguments and details that are kept. What is cut says how much is missing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was asked for, decided or done.

    `at` is ISO 8601. `who` asked for it or decided it, `caller` is the person on whose behalf. `acts_as` is the user in
    whose name it was done, or `app`. `detail` says why, or what came of it. `approved_by` is the id of the user who
    approved it, empty if nobody had to.
    """

    at: str
    who: str
    caller: str | None
    channel: str | None
    acts_as: str | None
    operation: str
    arguments: str
    outcome: Outcome
    detail: str = ""
    milliseconds: float | None = None
    approved_by: str = ""


def cut(text: str) -> str:
    """The text, or its beginning with a word on how much was left out."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
