"""Text as Markdown that reads back as the same text: what articles of other kinds are turned into."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKS = re.compile(r"([\\`*_\[\]<>|&])")
_LEADING = re.compile(r"^(\d*)([#+.)-])")


def plain(text: str) -> str:
    """Running text: one line, in which nothing is a mark."""
    return _LEADING.sub(r"\1\\\2", _escaped(text))


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def heading(text: str, level: int) -> str:
    """A heading of level 1 to 6."""
    return f"{'#' * min(max(level, 1), 6)} {_escaped(text)}"


def item(text: str, *, depth: int = 0, number: int | None = None) -> str:
    """One item of a list."""
    return f"{'   ' * depth}{'-' if number is None else f'{number}.'} {plain(text)}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table; its first row is the header."""
    width = max(map(len, rows))
    filled = [[plain(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in filled]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])
