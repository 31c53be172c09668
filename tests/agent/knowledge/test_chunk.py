"""Articles become passages that hold a fact together with what says what it is about."""

from __future__ import annotations

from framework.agent.knowledge.articles.reading import understand
from framework.agent.knowledge.articles.tree.chunk import Chunk, sentences
from framework.agent.knowledge.articles.tree.outline import CHUNK_CHARACTERS

ARTICLE = """# Delivery

We ship on working days.

## Times and costs

The **carrier** depends on the region:

| Region | Time | Cost |
|---|---|---|
| Germany | 2-3 days | EUR 4.90 |
| Norway | 6 days | – |

## Before you order

Check these:

1. The address, see [Account](account.md)
2. The name on the bell
   - also the floor
"""


def _chunks(text: str = ARTICLE) -> tuple[Chunk, ...]:
    return understand("delivery.md", text.encode()).chunks


def test_a_section_is_a_chunk_with_its_place_and_line() -> None:
    assert [(chunk.path, chunk.line) for chunk in _chunks()] == [
        ("Delivery", 3),
        ("Delivery › Times and costs", 7),
        ("Delivery › Before you order", 16),
    ]


def test_a_table_row_carries_the_headers_of_its_columns() -> None:
    rows = [unit for unit in _chunks()[1].units if unit.kind == "row"]
    assert rows[0].text == "Germany: Time 2-3 days; Cost EUR 4.90"
    assert (rows[0].key, rows[0].header) == ("Germany", "Region Time Cost")
    assert rows[1].text == "Norway: Time 6 days"


def test_a_list_stays_with_the_sentence_that_leads_in() -> None:
    chunk = _chunks()[2]
    assert chunk.quote == "Check these:\n\n1. The address, see Account\n2. The name on the bell\n  - also the floor"
    assert chunk.blocks[1].lead == "Check these:"


def test_emphasis_is_taken_off_so_that_a_fact_is_one_run_of_words() -> None:
    assert _chunks()[1].blocks[0].quote == "The carrier depends on the region:"


def test_a_long_section_is_cut_between_paragraphs() -> None:
    text = "# Guide\n\n## Long\n\n" + "\n\n".join(f"Paragraph {n}. " + "word " * 60 for n in range(6))
    chunks = _chunks(text)
    assert len(chunks) > 1
    assert all(len(chunk.quote) <= CHUNK_CHARACTERS for chunk in chunks)
    assert {chunk.headings for chunk in chunks} == {("Long",)}


def test_the_title_comes_from_the_front_matter_the_heading_or_the_caller() -> None:
    assert understand("a.md", b"---\ntitle: Opening hours\n---\nNine to five.\n").chunks[0].title == "Opening hours"
    assert understand("a.md", b"# Hours\n\nNine to five.\n").chunks[0].title == "Hours"
    assert understand("a.md", b"Nine to five.\n").chunks[0].title == "A"


def test_an_article_of_headings_alone_has_nothing_to_quote() -> None:
    assert _chunks("# Title\n\n## Nothing\n") == ()


def test_sentences_end_at_marks_not_at_abbreviated_numbers() -> None:
    assert sentences("It costs 3.50 euros a month for everybody. You can cancel at any time you like.") == [
        "It costs 3.50 euros a month for everybody.",
        "You can cancel at any time you like.",
    ]
