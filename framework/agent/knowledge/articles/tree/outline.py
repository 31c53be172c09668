"""The sections of an article while it is read: under which headings a block stands, and how sections become chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from framework.agent.knowledge.articles.tree.chunk import Chunk, TextBlock, sentences
from framework.agent.knowledge.articles.tree.inline import Node

CHUNK_CHARACTERS = 700
"""A longer section is cut between its blocks."""

FULL_CHARACTERS = 200_000
"""Characters of an article of which each sentence has a vector of its own: about two minutes of work."""

FULL_ROWS = 300
"""The same for the rows of one table."""

_LEAD_CHARACTERS = 220


@dataclass
class _Section:
    headings: tuple[str, ...]
    blocks: list[tuple[TextBlock, int]] = field(default_factory=list)


class Outline:
    """Gathers blocks under their headings. `line` is where the reader is in the source; whoever reads sets it. `title`
    is the article's, if it is known before; a first heading that says the same is not repeated.
    """

    def __init__(self, title: str = "", *, fixed_lines: bool = False) -> None:
        self.title = title
        self.line = 1
        self.fixed_lines = fixed_lines
        self._known = title
        self._path: dict[int, str] = {}
        self._base = 0
        self._sections = [_Section(())]

    def heading(self, level: int, text: str) -> None:
        """Begin a section. The first heading of level 1 is the article's title."""
        again = bool(self._known) and text.casefold() == self._known.casefold()
        if level == 1 and not self._base and (not self.title or again):
            self.title, self._known = self.title or text, ""
            self._path = {}
        else:
            depth = self._base + level
            self._path = {other: name for other, name in self._path.items() if other < depth}
            self._path[depth] = text
        self._begin()

    def at(self, node: Node) -> None:
        """Take note of where a node stands in the source."""
        line = node.get("data-line")
        if line is None and not self.fixed_lines:
            place: object = node.sourceline
            line = str(place) if isinstance(place, int) else ""
        self.line = int(line) if line else self.line

    @contextmanager
    def inside(self, label: str) -> Iterator[None]:
        """Put what is added meanwhile under a label of its own, such as the question that an accordion opens with."""
        path, base = dict(self._path), self._base
        self._base = max((*path, base), default=0) + 1
        self._path[self._base] = label
        self._begin()
        yield
        self._path, self._base = path, base
        self._begin()

    def add(self, block: TextBlock | None) -> None:
        """Append a block to the section at hand; None is nothing."""
        if block is not None:
            self._sections[-1].blocks.append((block, self.line))

    @property
    def lead(self) -> str:
        """The paragraph right before a list or a table, if it is short enough to lead in."""
        blocks = self._sections[-1].blocks
        if not blocks or blocks[-1][0].kind != "paragraph":
            return ""
        last = blocks[-1][0].quote
        if len(last) <= _LEAD_CHARACTERS:
            return last
        return sentences(last)[-1][-2 * _LEAD_CHARACTERS :] if last.endswith(":") else ""

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings over what is added next."""
        return tuple(self._path[depth] for depth in sorted(self._path))

    def _begin(self) -> None:
        self._sections.append(_Section(self.headings))

    def chunks(self, title: str, file: str, url: str = "") -> Iterator[Chunk]:
        """Cut every section that is long; a list or table stays with the paragraph that leads in."""
        size = 0
        for section in self._sections:
            rows = sum(len(block.units) for block, _ in section.blocks if block.kind == "table")
            for part in _parts(section):
                blocks = tuple(block for block, _ in part)
                thin = size > FULL_CHARACTERS or (rows > FULL_ROWS and blocks[-1].kind == "table")
                yield Chunk(title, file, section.headings, blocks, part[0][1], url, thin)
                size += sum(len(block.quote) for block in blocks)


def _parts(section: _Section) -> list[list[tuple[TextBlock, int]]]:
    parts: list[list[tuple[TextBlock, int]]] = []
    for block, line in section.blocks:
        part = parts[-1] if parts else None
        if part and (_fits(part, block, loose=not section.headings) or (block.lead and _leads(part, block))):
            part.append((block, line))
        else:
            parts.append([(block, line)])
    return _carry_leads(parts)


def _leads(part: list[tuple[TextBlock, int]], block: TextBlock) -> bool:
    """Whether the part ends in the paragraph that leads in; the later pieces of a long table stand alone."""
    return part[-1][0].quote.endswith(block.lead)


def _fits(part: Iterable[tuple[TextBlock, int]], block: TextBlock, *, loose: bool) -> bool:
    size = sum(len(other.quote) + 2 for other, _ in part) + len(block.quote)
    last = [other for other, _ in part][-1]
    # Without headings there is nothing that says that two paragraphs belong together, unless they are short.
    limit = CHUNK_CHARACTERS // 2 if loose and block.kind == "paragraph" == last.kind else CHUNK_CHARACTERS
    return size <= limit


def _carry_leads(parts: list[list[tuple[TextBlock, int]]]) -> list[list[tuple[TextBlock, int]]]:
    """A paragraph that leads into a list may not end the part before it."""
    for before, after in pairwise(parts):
        lead = after[0][0].lead
        if lead and len(before) > 1 and before[-1][0].kind == "paragraph" and before[-1][0].quote.endswith(lead):
            after.insert(0, before.pop())
    return parts
