"""PDF as Markdown. A page is letters at places: what is larger than the running text is a heading, a wider gap between
lines is a new paragraph.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pypdf import PageObject, PdfReader

from framework.agent.knowledge.markdown import heading, item, plain
from framework.errors import DefinitionError

# What it finds odd in a file is of no use to an author; a file that cannot be read is told by whoever asked for it.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_BULLET = re.compile(r"^\s*(?:[•◦▪‣●○■–]|[-*](?=\s))\s*")
_PAGE_NUMBER = re.compile(r"^\W*+(?:(?:page|seite)\W*+)?\d++(?:\W*+$|[^\w/]*+(?:of|von|/)\W*+\d++\W*+$)", re.IGNORECASE)
_LARGER = 1.12
_GAP = 1.6
_LONGEST_HEADING = 120


@dataclass
class _Line:
    text: str
    size: float
    y: float
    page: int


def pdf_to_markdown(content: bytes) -> str:
    """Headings, paragraphs and lists, in reading order. Raises DefinitionError for a document locked by a password."""
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise DefinitionError(
            "This article is locked by a password.", hint="Save it without one, or remove it from the knowledge."
        )
    lines = [line for number, page in enumerate(reader.pages) for line in _lines(page, number)]
    lines = _without_margins(lines, len(reader.pages))
    parts = list(_parts(lines))
    title = (reader.metadata.title or "").strip() if reader.metadata else ""
    if title and parts and not any(part.startswith("# ") for part in parts):
        parts.insert(0, heading(title, 1))
    return "\n\n".join(parts)


def _lines(page: PageObject, number: int) -> list[_Line]:
    found: list[_Line] = []

    def visit(text: str, matrix: Sequence[float], place: Sequence[float], _font: object, size: float) -> None:
        height = abs(size * (place[3] or 1.0) * (matrix[3] or 1.0))
        y = place[5] * (matrix[3] or 1.0) + matrix[5]
        for position, piece in enumerate(text.split("\n")):
            if position or not found:
                found.append(_Line("", 0.0, y, number))
            line = found[-1]
            line.text += piece
            if piece.strip() and height >= line.size:
                line.size, line.y = height, y

    page.extract_text(visitor_text=visit)
    return [line for line in found if line.text.strip()]


def _without_margins(lines: Sequence[_Line], pages: int) -> list[_Line]:
    """Without page numbers, and what stands on most pages at the same height."""
    seen = {(line.text.strip(), round(line.y), line.page) for line in lines}
    places = Counter((text, y) for text, y, _ in seen)
    limit = max(3, pages // 2 + 1)
    return [
        line
        for line in lines
        if places[line.text.strip(), round(line.y)] < limit and not _PAGE_NUMBER.match(line.text.strip())
    ]


def _parts(lines: Sequence[_Line]) -> Iterator[str]:
    sizes = Counter[float]()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted({round(line.size, 1) for line in lines if _is_heading(line, body)}, reverse=True)
    levels = {size: level for level, size in enumerate(larger, 1)}
    block: list[_Line] = []
    for line in lines:
        new = block and (_is_heading(line, body) or _is_heading(block[-1], body) or _begins(block[-1], line))
        if new and not _goes_on(block[-1], line, body):
            yield _block(block, body, levels)
            block = []
        block.append(line)
    if block:
        yield _block(block, body, levels)


def _is_heading(line: _Line, body: float) -> bool:
    return round(line.size, 1) >= body * _LARGER and len(line.text.strip()) <= _LONGEST_HEADING


def _goes_on(before: _Line, line: _Line, body: float) -> bool:
    """A heading over two lines."""
    both = _is_heading(before, body) and _is_heading(line, body)
    return both and abs(before.size - line.size) < 0.1 and 0 < before.y - line.y < before.size * _GAP


def _begins(before: _Line, line: _Line) -> bool:
    """Whether a line begins a paragraph or an item."""
    if _BULLET.match(line.text):
        return True
    if before.page != line.page:
        return before.text.rstrip().endswith((".", "!", "?", ":"))
    gap = before.y - line.y
    return gap < 0 or gap > max(before.size, line.size) * _GAP


def _block(lines: Sequence[_Line], body: float, levels: dict[float, int]) -> str:
    text = ""
    for line in lines:
        piece = line.text.strip()
        if text.endswith("-") and len(text) > 1 and text[-2].isalpha() and piece[:1].islower():
            text = text[:-1] + piece
        else:
            text = f"{text} {piece}" if text else piece
    first = lines[0]
    if _is_heading(first, body):
        return heading(text, levels[round(first.size, 1)])
    if _BULLET.match(text):
        return item(_BULLET.sub("", text))
    return plain(text)
