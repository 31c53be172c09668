"""Long texts in parts that read well alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from framework.runtime.split import split

LIMIT = 200


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert split("  text \n", LIMIT) == ("  text \n",)
    assert split("", LIMIT) == ("",)


def test_cuts_between_paragraphs_before_lines_and_sentences() -> None:
    first, second = "One. Two.\nThree. " * 8, "Four. " * 15
    assert split(f"{first.strip()}\n\n{second.strip()}", LIMIT) == (first.strip(), second.strip())


def test_cuts_between_sentences_before_words() -> None:
    text = "This is a sentence of words. " * 12
    assert all(part.strip().endswith(".") for part in split(text.strip(), LIMIT))


def test_a_list_is_cut_between_its_items() -> None:
    items = [f"- item {n} with some words" for n in range(30)]
    parts = split("\n".join(items), LIMIT)
    assert [line for part in parts for line in part.split("\n")] == items


def test_a_code_block_that_is_cut_is_closed_and_opened_again() -> None:
    code = "\n".join(f"print({n})" for n in range(60))
    parts = split(f"Look:\n\n```python\n{code}\n```\nDone.", LIMIT)
    assert len(parts) > 2
    for part in parts[:-1]:
        assert part.count("```") == 2
        assert part.endswith("\n```")
    assert all(part.startswith("```python\nprint(") for part in parts[1:])
    assert parts[-1].endswith("Done.")


def test_a_family_of_emoji_is_not_torn_apart() -> None:
    family = "👨‍👩‍👧‍👦"
    parts = split(family * 60, LIMIT)
    assert "".join(parts) == family * 60
    assert all(part.startswith("👨") and part.endswith("👦") for part in parts)


@given(st.text(alphabet=st.sampled_from("ab.! \n`~-é\u0301👩\u200d"), max_size=3_000), st.integers(100, 400))
def test_no_part_is_too_long_and_nothing_is_lost(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(len(part) <= limit for part in parts)

    def letters(piece: str) -> str:
        return "".join(sign for sign in piece if sign in "abé👩")

    assert letters("".join(parts)) == letters(text)
