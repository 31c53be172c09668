"""Standard input for the protocol, with nothing nested deeper than its parser reads.

The parser drops a line that is nested some 200 levels deep, and nobody answers it. Here such a line is cut at a depth
that the parser reads and every tool refuses, so that the client gets a sentence.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator

DEEPEST = 150
_MARK = re.compile(rb'"(?>(?:[^"\\]|\\.)*)"?|[\[\]{}]', re.DOTALL)
_CHUNK = 1 << 16


def bound_standard_input() -> None:
    """Put a filter before file descriptor 0. Call it once, before the server opens standard input."""
    original = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    threading.Thread(target=_forward, args=(original, writing), name="bounded-input", daemon=True).start()


def _forward(source: int, target: int) -> None:
    with os.fdopen(source, "rb", buffering=_CHUNK) as lines, os.fdopen(target, "wb", buffering=0) as out:
        try:
            for line in lines:
                out.write(shallow(line))
        except BrokenPipeError:
            return  # the server has ended


def shallow(line: bytes) -> bytes:
    """Return a line of JSON with `null` for whatever is nested deeper than DEEPEST; any other line as it is.

    Takes time in proportion to the line's length.
    """
    if line.count(b"[") + line.count(b"{") <= DEEPEST:
        return line
    return b"".join(_kept(line))


def _kept(line: bytes) -> Iterator[bytes]:
    depth, place = 0, 0
    for mark in _MARK.finditer(line):
        sign = mark[0]
        if sign in b"[{":
            depth += 1
            if depth == DEEPEST + 1:
                yield line[place : mark.start()]
                yield b"null"
        elif sign in b"]}":
            if depth == DEEPEST + 1:
                place = mark.end()
            depth -= 1
    yield line[place:] if depth <= DEEPEST else b"\n"
