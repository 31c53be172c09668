"""From lines at places to headings, paragraphs, lists and tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from framework.agent.knowledge.articles.pdf.pdf_page import PdfLine
from framework.agent.knowledge.articles.pdf.pdf_table import table_at
from framework.agent.knowledge.articles.tree import build
from framework.agent.knowledge.articles.tree.inline import Node

_BULLET = re.compile(r"^\s*+(?:[•◦▪‣●○■–✓]|[-*](?=\s))\s*+")
_NUMBER = re.compile(r"^\s*+(\d{1,2})[.)]\s++(?=\S)")
_LARGER = 1.12
_GAP = 1.6
_LONGEST_HEADING = 120
_END = (".", "!", "?", ":", "。")


class Writer:
    """Writes lines down as blocks."""

    def __init__(self, target: Node, lines: Sequence[PdfLine]) -> None:
        self._target = target
        self._lines = lines
        self._body = _body_size(lines)
        larger = sorted({round(line.size, 1) for line in lines if self._is_heading(line)}, reverse=True)
        self._levels = {size: level for level, size in enumerate(larger, 1)}
        self._list: tuple[Node, str] | None = None

    def write(self) -> None:
        """All of it, in order."""
        block: list[PdfLine] = []
        position = 0
        while position < len(self._lines):
            table = table_at(self._lines, position)
            if table is not None and not self._is_heading(self._lines[position]):
                rows, headers, position = table
                self._flush(block)
                block = []
                self._list = None
                build.add_table(self._target, rows, headers=headers, line=self._lines[position - 1].page)
                continue
            line = self._lines[position]
            new = block and (self._is_heading(line) or self._is_heading(block[-1]) or self._begins(block, line))
            if new and not self._goes_on(block[-1], line):
                self._flush(block)
                block = []
            block.append(line)
            position += 1
        self._flush(block)

    def _is_heading(self, line: PdfLine) -> bool:
        return round(line.size, 1) >= self._body * _LARGER and len(line.text) <= _LONGEST_HEADING

    def _goes_on(self, before: PdfLine, line: PdfLine) -> bool:
        """A heading over two lines."""
        both = self._is_heading(before) and self._is_heading(line)
        return both and abs(before.size - line.size) < 0.1 and 0 < before.bottom - line.bottom < before.size * _GAP

    def _begins(self, block: Sequence[PdfLine], line: PdfLine) -> bool:
        """Whether a line begins a paragraph or an item."""
        before = block[-1]
        if _BULLET.match(line.text) or _NUMBER.match(line.text) or _is_label(before) != _is_label(line):
            return True
        gap = before.bottom - line.bottom
        if before.page != line.page or gap < -before.size:
            # The next page or column: a sentence that did not end goes on.
            return before.text.endswith(_END) or line.text[:1].isupper()
        return gap > max(before.size, line.size) * _GAP

    def _flush(self, lines: Sequence[PdfLine]) -> None:
        if not lines:
            return
        text, first = _joined(lines), lines[0]
        if self._is_heading(first):
            self._list = None
            build.add(self._target, f"h{min(self._levels[round(first.size, 1)], 6)}", text, line=first.page)
        elif match := _BULLET.match(text):
            self._item("ul", text[match.end() :], first)
        elif (match := _NUMBER.match(text)) and (match[1] == "1" or (self._list and self._list[1] == "ol")):
            self._item("ol", text[match.end() :], first)
        elif (
            _is_label(first) and len(lines) == 1 and len(text) < _LONGEST_HEADING and not text.endswith((".", ",", ":"))
        ):
            self._list = None
            level = min(max(self._levels.values(), default=1) + 1, 6)
            build.add(self._target, f"h{level}", text, line=first.page)
        else:
            self._list = None
            build.add(self._target, "p", text, line=first.page)

    def _item(self, kind: str, text: str, line: PdfLine) -> None:
        if self._list is None or self._list[1] != kind:
            self._list = build.add(self._target, kind, line=line.page), kind
        build.add(self._list[0], "li", text)


def _is_label(line: PdfLine) -> bool:
    """Bold as a whole."""
    return all(run.bold for run in line.runs)


def _body_size(lines: Sequence[PdfLine]) -> float:
    sizes = Counter[float]()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _joined(lines: Sequence[PdfLine]) -> str:
    text = ""
    for line in lines:
        piece = line.text
        if text.endswith(("-", "\u00ad")) and len(text) > 1 and text[-2].isalpha() and piece[:1].islower():
            text = text[:-1] + piece
        else:
            text = f"{text} {piece}" if text else piece
    return text
