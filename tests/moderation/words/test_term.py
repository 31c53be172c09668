"""Lists of terms: read, or told by file and line what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.moderation.words import Kind, Match, Term, read_terms
from framework.moderation.words.term import TermError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.txt", "# ours\nzorbax\n\nbuy followers\n"),
        ("words.yaml", "- zorbax\n- {term: buy followers}\n"),
        ("words.json", '["zorbax", {"term": "buy followers", "kind": "phrase"}]'),
        ("words", '["zorbax", "buy followers"]'),
    ],
)
def test_lists_of_every_form_are_read(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert read_terms(file) == [Term("zorbax"), Term("buy followers", Kind.PHRASE)]


def test_a_term_says_what_it_is_and_where_it_may_stand(tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text("- {term: spam.example, kind: domain}\n- {term: quib, match: inside}\n")
    assert read_terms(file) == [Term("spam.example", Kind.DOMAIN), Term("quib", match=Match.INSIDE)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- zorbax\n- 5\n", ":2: the term 5 is not a text"),
        ("- zorbax\n- {term: a, match: inside}\n", ":2: the bare letter 'a'"),
        ("- zorbax\n- {term: x, kind: sentence}\n", ":2: 'sentence' is not a valid Kind"),
        ("- {term: spam, kind: domain}\n", ":1: 'spam' is not a domain"),
        ("- '!!'\n", ":1: '!!' has no letter"),
        ("- {word: x}\n", ":1: 'word' is not a key"),
        ("zorbax: 1\n", "is not a list"),
        ("- [\n", "is not valid"),
    ],
)
def test_what_cannot_be_looked_for_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "words.yaml"
    file.write_text(text)
    with pytest.raises(TermError, match=r".") as raised:
        read_terms(file)
    assert told in str(raised.value)
    assert str(file) in str(raised.value)
