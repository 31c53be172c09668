"""PDF as a tree. A page is letters at places: what is larger than the running text is a heading, a wider gap between
lines is a new paragraph, cells that stand below each other are a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from framework.agent.knowledge.articles.document import ArticleDocument, UnreadableArticleError
from framework.agent.knowledge.articles.office.archive import damaged
from framework.agent.knowledge.articles.pdf.pdf_page import PdfLine, lines_of
from framework.agent.knowledge.articles.pdf.pdf_table import columns_apart
from framework.agent.knowledge.articles.pdf.pdf_text import Writer
from framework.agent.knowledge.articles.tree import build

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_MAX_PAGES = 2000
_PAGE_NUMBER = re.compile(
    r"^\W*+(?:(?:page|seite|página|pagina)\W*+)?\d{1,4}+(?:\W*+$|[^\w/]*+(?:of|von|de|sur|/)\W*+\d++\W*+$)",
    re.IGNORECASE,
)
_IMAGE = 3
_MARGIN = 0.12


def read_pdf(content: bytes) -> ArticleDocument:
    """Headings, paragraphs, lists and tables, in reading order. Raises UnreadableArticleError."""
    import pypdfium2

    try:
        source = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableArticleError(
                "This article is locked by a password.", "Save it without one, or remove it from the knowledge."
            ) from None
        raise damaged("PDF") from None
    try:
        return _read(source)
    finally:
        source.close()


def _read(source: PdfDocument) -> ArticleDocument:
    pages: list[list[PdfLine]] = []
    heights: list[float] = []
    pictured: list[int] = []
    unread: list[int] = []
    count = len(source)
    for number in range(1, min(count, _MAX_PAGES) + 1):
        lines, height = _page(source, number, pictured, unread)
        pages.append(lines)
        heights.append(height)
    document = ArticleDocument(build.body(), (source.get_metadata_value("Title") or "").strip())
    lines = columns_apart(_without_margins(pages, heights))
    Writer(document.body, lines).write()
    document.words = re.sub(r"(?<=[^\W\d_])[-\u00ad]\n(?=[^\W\d_])", "", "\n".join(line.text for line in lines))
    scanned = [number for number in pictured if not pages[number - 1]]
    if scanned:
        is_all = len(scanned) == count
        if is_all:
            raise UnreadableArticleError(
                "This article holds no text: its pages are pictures.",
                "A scan holds pictures of text: have it recognised (OCR) first, or remove it.",
            )
        pages_said = _pages(scanned)
        document.warnings.append(
            f"{pages_said} only {'holds' if len(scanned) == 1 else 'hold'} pictures; have the text "
            "in them recognised (OCR) first"
        )
    if unread:
        document.warnings.append(f"{_pages(unread)} could not be read")
    if count > _MAX_PAGES:
        document.warnings.append(f"has {count} pages; the first {_MAX_PAGES} were read")
    return document


def _page(source: PdfDocument, number: int, pictured: list[int], unread: list[int]) -> tuple[list[PdfLine], float]:
    import pypdfium2

    try:
        page = source[number - 1]
    except pypdfium2.PdfiumError:
        unread.append(number)
        return [], 0.0
    try:
        lines = lines_of(page, number)
        if _has_pictures(page):
            pictured.append(number)
        return lines, page.get_height()
    except pypdfium2.PdfiumError:
        unread.append(number)
        return [], 0.0
    finally:
        page.close()


def _has_pictures(page: PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=(_IMAGE,), max_depth=4))


def _pages(numbers: Sequence[int]) -> str:
    """`page 3`, `pages 2 and 3`, `pages 2-7 and 9`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    texts = [text for span in spans for text in ([str(span[0]), str(span[-1])] if len(span) == 2 else [_span(span)])]
    shown = texts[:20] + (["more"] if len(texts) > 20 else [])
    joined = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"page {joined}" if len(numbers) == 1 else f"pages {joined}"


def _span(span: Sequence[int]) -> str:
    return str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}"


def _without_margins(pages: Sequence[Sequence[PdfLine]], heights: Sequence[float]) -> list[PdfLine]:
    """Without page numbers, and what stands on most pages at the same height near their edges."""
    places = Counter(place for lines in pages for place in {_place(line) for line in lines})
    limit = max(3, len(pages) // 2 + 1)
    kept: list[PdfLine] = []
    for lines, height in zip(pages, heights, strict=True):
        for line in lines:
            at_edge = not height or not height * _MARGIN < line.bottom < height * (1 - _MARGIN)
            if at_edge and (places[_place(line)] >= limit or _PAGE_NUMBER.match(line.text)):
                continue
            kept.append(line)
    return kept


def _place(line: PdfLine) -> tuple[str, int]:
    return re.sub(r"\d+", "#", line.text), round(line.bottom)
