"""Standard input, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

LONGEST_LINE = 1_000_000
"""Characters. A longer one is skipped to its end, unread, and reported."""


def read_lines(stream: TextIO) -> Iterator[str]:
    """Read line by line; of one that is too long no more than shows that it is."""
    while line := stream.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith("\n"):
            line = stream.readline(LONGEST_LINE + 1)
