"""What an answer shows of a chunk: enough to hold the fact, and no more than can be read at a glance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.agent.knowledge.articles.tree.chunk import Chunk, TextBlock
from framework.agent.knowledge.search.index import Scores

LONGEST = 900
"""Characters of all that is quoted for one question."""

_WHOLE_TABLE = 450
_STANDS_OUT = 0.25


def quote(chunk: Chunk, unit_scores: Scores, room: int = LONGEST) -> str:
    """The chunk as text. `unit_scores` has one value for each of its units: how well it fits the question.

    Of a table in which one row stands out, only the rows about as good are shown; what does not fit into `room` is cut
    between units, around the best one.
    """
    texts: list[str] = []
    start = 0
    for block in chunk.blocks:
        scores = unit_scores[start : start + len(block.units)]
        start += len(block.units)
        texts.append(_rows(block, scores) if block.kind == "table" else block.quote)
    text = "\n\n".join(texts)
    return text if len(text) <= room else _around_best(chunk, unit_scores, room)


def _rows(block: TextBlock, scores: Scores) -> str:
    if len(block.quote) <= _WHOLE_TABLE:
        return block.quote
    best = float(scores.max())
    kept = [unit for unit, score in zip(block.units, scores, strict=True) if score >= best - _STANDS_OUT]
    return "\n".join(f"- {unit.text}" for unit in kept)


def _around_best(chunk: Chunk, scores: Scores, room: int) -> str:
    """The best unit, and its neighbours as far as there is room, in the chunk's order."""
    lines: Sequence[str] = [_line(block, number) for block in chunk.blocks for number in range(len(block.units))]
    first = last = int(np.argmax(scores))
    size = len(lines[first])
    while True:
        before = size + len(lines[first - 1]) + 1 if first > 0 else room + 1
        after = size + len(lines[last + 1]) + 1 if last + 1 < len(lines) else room + 1
        if min(before, after) > room:
            break
        if after <= room and (before > room or scores[last + 1] >= scores[first - 1]):
            last, size = last + 1, after
        else:
            first, size = first - 1, before
    parts = [("… " if first else "") + lines[first], *lines[first + 1 : last + 1]]
    text = "\n".join(parts)
    return text if last + 1 == len(lines) else f"{text} …"


def _line(block: TextBlock, number: int) -> str:
    text = block.units[number].text
    return text if block.kind == "paragraph" else f"- {text}"
