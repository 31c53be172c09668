"""What an answer shows of a chunk: enough to hold the fact, and no more than can be read at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from framework.agent.knowledge.articles.tree.chunk import Chunk, TextBlock, Unit
from framework.agent.knowledge.articles.tree.shown import shown_block, shown_rows, shown_units
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
        texts.append(_rows(block, scores) if block.kind == "table" else shown_block(block))
    text = "\n\n".join(texts)
    return text if len(text) <= room else _around_best(chunk, unit_scores, room)


def _rows(block: TextBlock, scores: Scores) -> str:
    if len(block.quote) <= _WHOLE_TABLE:
        return shown_block(block)
    best = float(scores.max())
    return shown_rows([unit for unit, score in zip(block.units, scores, strict=True) if score >= best - _STANDS_OUT])


def _around_best(chunk: Chunk, scores: Scores, room: int) -> str:
    """The best unit, and its neighbours as far as there is room, in the chunk's order.

    Part of a list begins with the sentence that leads in, and ends with a mark if there is more of it.
    """
    first, last = _span(chunk.units, scores, room)
    parts: list[str] = []
    start = 0
    kind = ""
    for block in chunk.blocks:
        number, start = start, start + len(block.units)
        units = block.units[max(first - number, 0) : max(last + 1 - number, 0)]
        if units:
            parts += _part(block, units, cut=not parts and number < first)
            kind = block.kind
    if last + 1 == len(chunk.units):
        return "\n\n".join(parts)
    return "\n\n".join(parts) + {"paragraph": " …", "list": "\n- …"}.get(kind, "\n\n…")


def _part(block: TextBlock, units: Sequence[Unit], *, cut: bool) -> Iterator[str]:
    """`cut`: the chunk's text begins before these units."""
    text = shown_units(block, units)
    if block.kind == "paragraph":
        yield f"… {text}" if cut else text
        return
    if cut and block.lead:
        yield block.lead
    yield text


def _span(units: Sequence[Unit], scores: Scores, room: int) -> tuple[int, int]:
    """The first and the last of the units that are shown."""
    first = last = int(np.argmax(scores))
    size = len(units[first].text)
    while True:
        before = size + len(units[first - 1].text) + 3 if first > 0 else room + 1
        after = size + len(units[last + 1].text) + 3 if last + 1 < len(units) else room + 1
        if min(before, after) > room:
            return first, last
        if after <= room and (before > room or scores[last + 1] >= scores[first - 1]):
            last, size = last + 1, after
        else:
            first, size = first - 1, before
