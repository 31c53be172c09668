"""What made a condition hold."""

from __future__ import annotations

from dataclasses import dataclass

from framework.moderation.words import How


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found: what, how it was written, and where: [start, end) of the piece at `path`.

    `start` is -1 where it has no place in a text, such as a flood. The text itself is not kept. `late`: nothing was
    found, because it could not be looked for in time.
    """

    what: str
    how: How = How.EXACT
    path: tuple[str | int, ...] = ("text",)
    start: int = -1
    end: int = -1
    late: bool = False
