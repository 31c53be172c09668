"""No word of an article is lost on its way to the chunks."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.agent.knowledge.articles.reading import understand
from tests.agent.knowledge import test_html, test_markdown, test_office
from tests.agent.knowledge.test_documents import HTML, PAGES, portable, word

BASES = Path(__file__).parents[2] / "benchmarks" / "knowledge"
BOTS = Path(__file__).parents[3] / "bots"


@pytest.mark.parametrize("base", [*sorted(BASES.iterdir()), *sorted(BOTS.iterdir())], ids=lambda base: str(base.name))
def test_no_word_of_our_articles_is_lost(base: Path) -> None:
    lost = {
        file.name: article.lost
        for file in sorted(base.rglob("*.md"))
        if {"kb", "knowledge"} & set(file.relative_to(base).parts)
        and (article := understand(file.name, file.read_bytes())).lost
    }
    assert lost == {}


DOCUMENTS = {
    "a.html": HTML.encode(),
    "a.docx": word(),
    "a.pdf": portable(*PAGES),
    "boats.pdf": portable(*test_office.BOATS),
    "sheet.xlsx": test_office.book(),
    "docusaurus.md": test_markdown.DOCUSAURUS.encode(),
    "accordions.html": "".join(test_html.ACCORDIONS.values()).encode(),
    "tabs.html": test_html.TABS["controls"].encode(),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_word_of_documents_is_lost(name: str) -> None:
    article = understand(name, DOCUMENTS[name])
    assert article.chunks
    assert article.lost == ()


def test_a_word_that_is_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from framework.agent.knowledge.articles.tree import walk

    monkeypatch.setattr(walk.Walk, "code", lambda _self, _node: None)
    assert understand("a.md", b"# T\n\nText.\n\n```\nctl stop\n```\n").lost == ("ctl", "stop")
