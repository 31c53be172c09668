"""What can be quoted as an answer, with everything around it that says what it is about.

A chunk is a section of an article, or a part of one if the section is long: paragraphs, a list with the sentence that
leads in, a table. Its units are the pieces that a question may be about: a sentence, a list item, a table row with the
headers of its columns. An article without headings is cut into its paragraphs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "item", "row"]
BlockKind = Literal["paragraph", "list", "table", "code"]

_SENTENCE_END = re.compile(r"(?<=[.!?…。？！])[\s]+(?=[\"“„«¿¡(]?[A-ZÀ-ÖØ-ÞĀ-ŽΑ-ΩА-Я0-9¿¡])")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, a list item or a table row. `key` is a row's first cell, `header` the names of its columns.

    `columns` are these names one by one, and `cells` the row's texts below them; both are empty for anything else.
    """

    text: str
    kind: Kind = "text"
    key: str = ""
    header: str = ""
    columns: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A paragraph, a list, a table or code. `lead` is the sentence before a list or table that says what it lists."""

    kind: BlockKind
    units: tuple[Unit, ...]
    quote: str
    lead: str = ""


@dataclass(frozen=True)
class Chunk:
    """What is quoted. `headings` is the path from the section down, without the article's title. `line` is the line or
    page of the source at which it begins, `url` the address that the article names for itself. `thin`: one of so many
    that it is found by its words, not by its meaning.
    """

    title: str
    file: str
    headings: tuple[str, ...]
    blocks: tuple[TextBlock, ...]
    line: int
    url: str = ""
    thin: bool = False

    @property
    def path(self) -> str:
        """`Title › Heading`, as people see it."""
        return " › ".join((self.title, *self.headings))

    @property
    def quote(self) -> str:
        """The whole chunk as readable text."""
        return "\n\n".join(block.quote for block in self.blocks)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units of all blocks, in order."""
        return tuple(unit for block in self.blocks for unit in block.units)


def sentences(text: str) -> list[str]:
    """Cut running text into sentences; short ones stay with the one before."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(text.strip()):
        if parts and (len(parts[-1]) < 25 or len(part) < 12):
            parts[-1] = f"{parts[-1]} {part}"
        elif part:
            parts.append(part)
    return parts
