"""Articles to chunks: what can be quoted as an answer, with everything around it that says what it is about.

A chunk is a section of an article, or a part of one where it is long: paragraphs, a list with the sentence that leads
in, a table. Its units are the pieces a question may be about: a sentence, a list item, a table row with the headers of
its columns. An article without headings is cut into its paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from markdown_it.token import Token

Kind = Literal["text", "item", "row"]

CHUNK_CHARACTERS = 700
"""Where a section is longer, it is cut between its blocks."""

_LEAD_CHARACTERS = 220
_SENTENCE_END = re.compile(r"(?<=[.!?…。？！])[\s]+(?=[\"“„«¿¡(]?[A-ZÀ-ÖØ-ÞĀ-ŽΑ-ΩА-Я0-9¿¡])")


@dataclass(frozen=True)
class Unit:
    """A sentence, a list item or a table row. `key` is a row's first cell; `order` counts within the chunk."""

    text: str
    kind: Kind = "text"
    key: str = ""
    header: str = ""


@dataclass(frozen=True)
class Block:
    """A paragraph, a list or a table. `lead` is the sentence before a list or table that says what it lists."""

    kind: Literal["paragraph", "list", "table"]
    units: tuple[Unit, ...]
    quote: str
    lead: str = ""


@dataclass(frozen=True)
class Chunk:
    """What is quoted. `headings` is the path from the section down, the article's title not among them."""

    title: str
    file: str
    headings: tuple[str, ...]
    blocks: tuple[Block, ...]
    line: int

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


@dataclass
class _Section:
    headings: tuple[str, ...]
    line: int
    blocks: list[tuple[Block, int]] = field(default_factory=list)


def read_article(text: str, file: str, title: str = "") -> tuple[Chunk, ...]:
    """Cut one article in Markdown (or plain text) into chunks. `title` is used where the text has no heading."""
    from markdown_it import MarkdownIt

    front, body = _front_matter(text)
    offset = text[: len(text) - len(body)].count("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    sections, heading = _sections(tokens, offset)
    name = front or heading or title
    return tuple(chunk for section in sections for chunk in _chunks(section, name, file))


def sentences(text: str) -> list[str]:
    """Cut running text into sentences; short ones stay with the one before."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(text.strip()):
        if parts and (len(parts[-1]) < 25 or len(part) < 12):
            parts[-1] = f"{parts[-1]} {part}"
        elif part:
            parts.append(part)
    return parts


def _front_matter(text: str) -> tuple[str, str]:
    match = re.match(r"﻿?---\r?\n(.*?)\r?\n(?:---|\.\.\.)\r?\n", text, re.DOTALL)
    if not match:
        return "", text.removeprefix("﻿")
    title = re.search(r"^title:(.*)$", match[1], re.MULTILINE)
    return re.sub(r"\A[\"']|[\"']\Z", "", title[1].strip()) if title else "", text[match.end() :]


def _plain(inline: Token) -> str:
    """The text of an inline token without its marks, so that a fact in bold is still one run of words."""
    parts: list[str] = []
    for child in inline.children or ():
        if child.type in {"text", "code_inline", "image"}:
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak":
            parts.append("\n")
        elif child.type == "html_inline" and child.content.lower().startswith("<br"):
            parts.append(" ")
    return re.sub(r"[ \t]+", " ", "".join(parts)).strip()


def _sections(tokens: list[Token], offset: int) -> tuple[list[_Section], str]:
    """The sections in order, and the article's first heading of level one (its title)."""
    title, path = "", dict[int, str]()
    sections = [_Section((), 1 + offset)]
    position = 0
    while position < len(tokens):
        token = tokens[position]
        line = offset + (token.map[0] if token.map else 0) + 1
        if token.type == "heading_open":
            level, text = int(token.tag[1]), _plain(tokens[position + 1])
            path = {depth: name for depth, name in path.items() if depth < level}
            if level == 1 and not title:
                title = text
            else:
                path[level] = text
            sections.append(_Section(tuple(path[depth] for depth in sorted(path)), line))
            position += 3
            continue
        end = _closing(tokens, position)
        _add_block(sections[-1], tokens[position : end + 1], line)
        position = end + 1
    return [section for section in sections if section.blocks], title


def _closing(tokens: list[Token], start: int) -> int:
    if tokens[start].nesting != 1:
        return start
    depth = 0
    for position in range(start, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    return len(tokens) - 1


def _add_block(section: _Section, tokens: list[Token], line: int) -> None:
    kind = tokens[0].type
    block: Block | None = None
    if kind == "paragraph_open":
        block = _paragraph(_plain(tokens[1]))
    elif kind in {"bullet_list_open", "ordered_list_open"}:
        block = _list(tokens, _lead_in(section))
    elif kind == "table_open":
        block = _table(tokens, _lead_in(section))
    elif kind in {"fence", "code_block"}:
        block = _paragraph(tokens[0].content.strip(), keep=True)
    elif kind == "blockquote_open":
        for inner_start in _children(tokens):
            end = _closing(tokens, inner_start)
            _add_block(section, tokens[inner_start : end + 1], line)
    if block:
        section.blocks.append((block, line))


def _children(tokens: list[Token]) -> Iterator[int]:
    position = 1
    while position < len(tokens) - 1:
        yield position
        position = _closing(tokens, position) + 1


def _lead_in(section: _Section) -> str:
    """The paragraph right before a list or a table, where it is short enough to be its lead-in."""
    if not section.blocks or section.blocks[-1][0].kind != "paragraph":
        return ""
    last = section.blocks[-1][0].quote
    if len(last) <= _LEAD_CHARACTERS or last.endswith(":"):
        return last if len(last) <= _LEAD_CHARACTERS else sentences(last)[-1]
    return ""


def _paragraph(text: str, *, keep: bool = False) -> Block | None:
    if not text:
        return None
    units = (text,) if keep else sentences(text)
    return Block("paragraph", tuple(Unit(unit) for unit in units), text)


def _list(tokens: list[Token], lead: str) -> Block | None:
    units: list[Unit] = []
    lines: list[str] = []
    for text, marker, depth in _items(tokens):
        units.append(Unit(text, "item"))
        lines.append(f"{'  ' * depth}{marker} {text}")
    return Block("list", tuple(units), "\n".join(lines), lead) if units else None


def _items(tokens: list[Token]) -> Iterator[tuple[str, str, int]]:
    """Each item's text, its marker and its depth; what stands in one item's paragraphs is one text."""
    kinds: list[tuple[bool, int]] = []
    marker, pending, depth = "-", list[str](), 0
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            if pending:
                yield " ".join(pending), marker, depth
                pending = []
            kinds.append((token.type == "ordered_list_open", 0))
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            kinds.pop()
        elif token.type == "list_item_open":
            ordered, count = kinds[-1]
            kinds[-1] = (ordered, count + 1)
            marker, depth = (f"{token.info or count + 1}." if ordered else "-"), len(kinds) - 1
        elif token.type == "inline" and (text := _plain(token)):
            pending.append(text)
        elif token.type == "list_item_close" and pending:
            yield " ".join(pending), marker, depth
            pending = []


def _table(tokens: list[Token], lead: str) -> Block | None:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_plain(token))
    if not rows:
        return None
    header, body = rows[0], rows[1:]
    units = tuple(Unit(_row(header, row), "row", row[0], " ".join(header)) for row in body)
    if not units:
        return None
    return Block("table", units, "\n".join(f"- {unit.text}" for unit in units), lead)


def _row(header: list[str], row: list[str]) -> str:
    """`Germany: Delivery time 2-3 days, Price 12.90 EUR`."""
    cells = [
        f"{name} {value}".strip()
        for name, value in zip(header[1:], row[1:], strict=False)
        if value not in {"", "-", "–"}
    ]
    return f"{row[0]}: {'; '.join(cells)}" if cells else row[0]


def _chunks(section: _Section, title: str, file: str) -> Iterator[Chunk]:
    """Cut a section where it is long; a list or table stays with the paragraph that leads in."""
    parts: list[list[tuple[Block, int]]] = []
    for block, line in section.blocks:
        part = parts[-1] if parts else None
        if part and (_fits(part, block, loose=not section.headings) or block.lead):
            part.append((block, line))
        else:
            parts.append([(block, line)])
    for part in _carry_leads(parts):
        yield Chunk(title, file, section.headings, tuple(block for block, _ in part), part[0][1])


def _fits(part: Iterable[tuple[Block, int]], block: Block, *, loose: bool) -> bool:
    size = sum(len(other.quote) + 2 for other, _ in part) + len(block.quote)
    last = [other for other, _ in part][-1]
    # Without headings there is nothing that says that two paragraphs belong together, unless they are short.
    limit = CHUNK_CHARACTERS // 2 if loose and block.kind == "paragraph" == last.kind else CHUNK_CHARACTERS
    return size <= limit


def _carry_leads(parts: list[list[tuple[Block, int]]]) -> list[list[tuple[Block, int]]]:
    """A paragraph that leads into a list may not end the part before it."""
    for before, after in pairwise(parts):
        if after[0][0].lead and len(before) > 1 and before[-1][0].kind == "paragraph":
            after.insert(0, before.pop())
    return parts
