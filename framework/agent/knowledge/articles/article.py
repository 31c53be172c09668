"""One article as it was understood: its chunks, and what its author should know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from framework.agent.knowledge.articles.tree.chunk import Chunk, Kind, TextBlock, Unit


@dataclass(frozen=True)
class Article:
    """`problem` says why nothing could be read ("" if something was), `hint` what to do about it. `lost` are words of
    the source that are in no chunk; `kind` is the format that it was read as, `around` how many words of
    menus and the like were left out.
    """

    name: str
    kind: str = ""
    chunks: tuple[Chunk, ...] = ()
    warnings: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""
    around: int = 0

    @property
    def title(self) -> str:
        """Its title; its name if nothing was read."""
        return self.chunks[0].title if self.chunks else self.name

    @property
    def tables(self) -> int:
        """How many tables it holds."""
        return sum(block.kind == "table" for chunk in self.chunks for block in chunk.blocks)


def to_json(article: Article) -> dict[str, Any]:
    """An article as plain values. Names and titles that all chunks share stand there once."""
    first = article.chunks[0] if article.chunks else None
    return {
        "kind": article.kind,
        "title": first.title if first else "",
        "url": first.url if first else "",
        "warnings": article.warnings,
        "lost": article.lost,
        "problem": article.problem,
        "hint": article.hint,
        "around": article.around,
        "chunks": [
            [chunk.headings, chunk.line, chunk.thin, [[b.kind, b.quote, b.lead, _units(b)] for b in chunk.blocks]]
            for chunk in article.chunks
        ],
    }


def _units(block: TextBlock) -> list[list[Any]]:
    rows = [[unit.text, unit.kind, unit.key, unit.header, unit.columns, unit.cells] for unit in block.units]
    return [row if row[5] else row[:4] for row in rows]


def _unit(text: str, kind: Kind, key: str, header: str, columns: Sequence[str] = (), cells: Sequence[str] = ()) -> Unit:
    return Unit(text, kind, key, header, tuple(map(sys.intern, columns)), tuple(cells))


def from_json(name: str, told: dict[str, Any]) -> Article:
    """The article that `to_json` told of. Raises KeyError, TypeError or ValueError for anything else."""
    chunks = tuple(
        Chunk(
            told["title"],
            name,
            tuple(headings),
            tuple(
                TextBlock(kind, tuple(_unit(*unit) for unit in units), quote, lead)
                for kind, quote, lead, units in blocks
            ),
            line,
            told["url"],
            thin,
        )
        for headings, line, thin, blocks in told["chunks"]
    )
    return Article(
        name,
        told["kind"],
        chunks,
        tuple(told["warnings"]),
        tuple(told["lost"]),
        told["problem"],
        told["hint"],
        told["around"],
    )
