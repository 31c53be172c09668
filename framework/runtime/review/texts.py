"""A tool call as messages for the team: in full, on as many messages as it takes."""

from __future__ import annotations

from collections.abc import Sequence

_FENCE = "```"
_MORE = "… "
"""Begins a line that goes on with the one before: no argument begins so."""


def call_texts(question: str, lines: Sequence[str], longest: int) -> tuple[str, ...]:
    """The messages that show a call: the question, then every argument on a line of its own.

    `lines` are those of `approvals.sheet.lines`: one line each, without backticks. What does not fit into the first
    message stands in the next ones, which say which part they are.
    """
    whole = f"{question}\n\n{_fenced(lines)}"
    if len(whole) <= longest:
        return (whole,)
    room = longest - len(question) - 200
    pages = _pages(lines, max(room, 200))
    count = len(pages)
    told = f"This is part 1 of {count}. The others stand in the thread: read them all."
    first = f"{question}\n\n{_fenced(pages[0])}\n\n{told}"
    rest = (f"Part {number} of {count}\n\n{_fenced(page)}" for number, page in enumerate(pages[1:], start=2))
    return (first, *rest)


def _fenced(lines: Sequence[str]) -> str:
    return "\n".join((_FENCE, *(lines or ["(no arguments)"]), _FENCE))


def _pages(lines: Sequence[str], room: int) -> list[list[str]]:
    pages: list[list[str]] = [[]]
    used = 0
    for piece in (piece for line in lines for piece in _pieces(line, room)):
        if used + len(piece) + 1 > room and pages[-1]:
            pages.append([])
            used = 0
        pages[-1].append(piece)
        used += len(piece) + 1
    return pages


def _pieces(line: str, room: int) -> list[str]:
    if len(line) < room:
        return [line]
    step = room - len(_MORE) - 1
    cut = [line[start : start + step] for start in range(0, len(line), step)]
    return [cut[0], *(f"{_MORE}{piece}" for piece in cut[1:])]
