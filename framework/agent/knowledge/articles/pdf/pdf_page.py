"""One page of a PDF: its letters as pieces of lines, with their size and place."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_GAP = 1.15
"""A gap of so many times the size of the letters parts two cells."""

MAX_CHARACTERS = 60_000
"""Characters of one page that are looked at."""


@dataclass(slots=True)
class Run:
    """Letters that stand side by side. Points from the lower left corner of the page."""

    text: str
    left: float
    right: float
    bottom: float
    size: float
    bold: bool = False


@dataclass(slots=True)
class PdfLine:
    """What stands at one height, in the order of the page. `page` counts from 1."""

    runs: list[Run]
    page: int

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(run.text for run in self.runs)

    @property
    def size(self) -> float:
        """The largest letters' size."""
        return max(run.size for run in self.runs)

    @property
    def bottom(self) -> float:
        """The height on the page."""
        return self.runs[0].bottom

    @property
    def left(self) -> float:
        """Where it begins."""
        return min(run.left for run in self.runs)


def lines_of(page: PdfPage, number: int) -> list[PdfLine]:
    """The lines of a page in the order in which they were written."""
    text_page = page.get_textpage()
    try:
        lines: list[PdfLine] = []
        for run in _runs(text_page):
            last = lines[-1].runs[-1] if lines else None
            if last and abs(last.bottom - run.bottom) < 0.4 * max(run.size, last.size) and run.left >= last.left:
                lines[-1].runs.append(run)
            else:
                lines.append(PdfLine([run], number))
        return lines
    finally:
        text_page.close()


def _runs(page: PdfTextPage) -> Iterator[Run]:
    import pypdfium2.raw as pdfium

    raw = page.raw
    count = min(page.count_chars(), MAX_CHARACTERS)
    box = [ctypes.c_double() for _ in range(4)]
    origin = [ctypes.c_double() for _ in range(2)]
    run: Run | None = None
    blank = False
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(raw, index)
        char = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
        if not char or char in "\r\n\t \u00a0":
            blank = blank or bool(char)
            if char in "\r\n" and run is not None and char:
                yield from _whole(run)
                run = None
            continue
        pdfium.FPDFText_GetCharBox(raw, index, *(ctypes.byref(side) for side in box))
        pdfium.FPDFText_GetCharOrigin(raw, index, *(ctypes.byref(side) for side in origin))
        left, right, bottom = box[0].value, box[1].value, origin[1].value
        size = pdfium.FPDFText_GetFontSize(raw, index)
        size = _scaled(raw, index, size)
        weight = pdfium.FPDFText_GetFontWeight(raw, index)
        char = "-" if char == "\x02" or char == "\ufffe" else char
        if run is not None and _continues(run, left, bottom, size):
            run.text += f" {char}" if blank and run.text else char
            run.right, run.size = max(run.right, right), max(run.size, size)
        else:
            if run is not None:
                yield from _whole(run)
            run = Run(char, left, right, bottom, size, weight >= 600)
        blank = False
    if run is not None:
        yield from _whole(run)


def _scaled(raw: object, index: int, size: float) -> float:
    """The size on the page: letters of size 1 may be scaled by a matrix."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    if pdfium.FPDFText_GetMatrix(raw, index, ctypes.byref(matrix)):
        scale = (matrix.c**2 + matrix.d**2) ** 0.5
        return float(size * scale) if scale else float(size)
    return float(size)


def _continues(run: Run, left: float, bottom: float, size: float) -> bool:
    same = abs(run.bottom - bottom) < 0.5 * max(size, run.size)
    return same and -0.5 * size < left - run.right < _GAP * max(size, 1.0)


def _whole(run: Run) -> Iterator[Run]:
    if run.text.strip():
        run.text = run.text.strip()
        yield run
