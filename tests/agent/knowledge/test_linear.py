"""Twice as long an article takes twice the work: calls are counted, so a busy machine changes nothing."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.reading import understand
from tests.agent.knowledge.test_documents import portable

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _docx(paragraphs: int) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>Pole {number} is red.</w:t></w:r></w:p>" for number in range(paragraphs))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # packed, such alike text would be a zip bomb
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>')
    return target.getvalue()


def _pdf(pages: int) -> bytes:
    return portable(*([(f"Page {page} is about pole {page}.", 12, 700)] for page in range(pages)))


def _read(name: str, content: bytes) -> tuple[Article, int]:
    """The article, and how many calls it took."""
    calls = 0

    def count(_frame: FrameType, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        article = understand(name, content)
    finally:
        sys.setprofile(None)
    return article, calls


@pytest.mark.parametrize(
    ("name", "made", "half", "last"),
    [("a.docx", _docx, 25_000, "Pole 49999 is red."), ("a.pdf", _pdf, 150, "Page 299 is about pole 299.")],
    ids=["docx", "pdf"],
)
def test_twice_the_length_is_twice_the_work(name: str, made: Callable[[int], bytes], half: int, last: str) -> None:
    understand(name, made(2))  # imports and caches
    _, once = _read(name, made(half))
    article, twice = _read(name, made(2 * half))
    assert (article.problem, article.lost) == ("", ())
    assert last in article.chunks[-1].quote
    assert 1.5 < twice / once < 2.5, f"{once} calls, then {twice}"
