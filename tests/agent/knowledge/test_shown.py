"""What of an article stands in an answer, and how: cut lists, small tables, code, one citation for one article."""

from __future__ import annotations

import numpy as np
import pytest

from framework.agent.conversation import Source
from framework.agent.embedded.composition import compose
from framework.agent.knowledge.articles.article import from_json, to_json
from framework.agent.knowledge.articles.reading import understand
from framework.agent.knowledge.articles.tree.chunk import Chunk
from framework.agent.knowledge.articles.tree.shown import shown
from framework.agent.knowledge.search.evidence import Evidence, Passage
from framework.agent.knowledge.search.quoting import quote
from framework.definition.model import Phrases

LIGHTS = """# Lights

| Light | Code | Meaning |
|---|---|---|
| red | P1 | Pump a\\|b blocked |
| blue | W1 | |
"""
STEPS = "# Care\n\nThe lamp shows what it does:\n\n" + "".join(f"- colour {n}: state number {n}\n" for n in range(12))


def chunk_of(text: str, name: str = "a.md") -> Chunk:
    (chunk,) = understand(name, text.encode()).chunks
    return chunk


def scores(chunk: Chunk, best: str) -> np.ndarray:
    return np.array([1.0 if best in unit.text else 0.0 for unit in chunk.units], dtype=np.float32)


def test_rows_are_a_small_table() -> None:
    assert shown(chunk_of(LIGHTS)).splitlines() == [
        "| Light | Code | Meaning |",
        "| --- | --- | --- |",
        "| red | P1 | Pump a\\|b blocked |",
        "| blue | W1 |  |",
    ]


def test_an_article_that_was_kept_is_shown_alike() -> None:
    article = understand("a.md", LIGHTS.encode())
    assert from_json("a.md", to_json(article)) == article


def test_a_row_with_a_long_text_is_said_as_sentences() -> None:
    head = "# Plans\n\n| Plan | Price | Terms |\n|---|---|---|\n"
    text = f"{head}| Plus | 9 EUR | {'word ' * 50}end |\n| Basic | free | |\n"
    assert shown(chunk_of(text)).splitlines()[1] == "- **Basic**: Price: free."


def test_rows_without_names_of_columns_stay_a_list() -> None:
    assert shown(chunk_of("Size\n: 12 cm\n\nWeight\n: 3 kg\n")).startswith("- Size: 12 cm")


def test_only_the_rows_that_fit_are_shown_and_keep_their_header() -> None:
    rows = "".join(f"| Country {n} | {n} working days | EUR {n}.90 |\n" for n in range(15))
    chunk = chunk_of(f"# Delivery\n\n| Country | Time | Cost |\n|---|---|---|\n{rows}")
    told = quote(chunk, scores(chunk, "Country 7:"))
    assert told.splitlines() == [
        "| Country | Time | Cost |",
        "| --- | --- | --- |",
        "| Country 7 | 7 working days | EUR 7.90 |",
    ]


def test_part_of_a_list_begins_with_its_lead_and_not_in_the_middle_of_nothing() -> None:
    chunk = chunk_of(STEPS)
    told = quote(chunk, scores(chunk, "colour 6"), room=90)
    assert told.startswith("The lamp shows what it does:\n\n- colour ")
    assert "- colour 6: state number 6" in told
    assert told.endswith("\n- …")


@pytest.mark.parametrize("room", range(30, 500, 23))
@pytest.mark.parametrize("best", [0, 3, 11])
def test_no_cut_begins_with_dots_before_an_item(room: int, best: int) -> None:
    chunk = chunk_of(STEPS)
    told = quote(chunk, scores(chunk, f"colour {best}:"), room)
    assert f"colour {best}: state number {best}" in told
    assert not told.startswith("…")


def test_code_stands_between_fences_that_it_cannot_end() -> None:
    chunk = chunk_of("# Use\n\n````\nx = 1\n```\n````\n")
    assert shown(chunk) == "````\nx = 1\n```\n````"


def test_one_article_is_cited_once() -> None:
    def passage(file: str, heading: str, text: str) -> Passage:
        return Passage(Source(file.upper(), file, heading), text, text, 0.9)

    found = (passage("a", "One", "First."), passage("b", "", "Other."), passage("a", "Two", "Second."))
    reply = compose(Evidence("answered", found, 0.9), Phrases(), ())
    assert reply.text == "First.\n\nSecond.\n\n— “A”\n\nOther.\n\n— “B”"
    assert reply.sources == (found[0].source, found[1].source)
    unsure = compose(Evidence("unsure", found, 0.3), Phrases(), ())
    assert unsure.sources == reply.sources
