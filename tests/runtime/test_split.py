"""Long texts in parts that read well alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from framework.runtime.reply.split import split

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


def blocks_of(part: str, kind: str) -> list[tuple[int, int]]:
    return [
        (token.map[0], token.map[1]) for token in MARKDOWN.parse(part) if token.type == kind and token.map is not None
    ]


MARKDOWN = MarkdownIt("commonmark").enable("table")
ROWS = [f"value_{n} = compute({n})  # step {n}" for n in range(60)]
CODE = {
    "a long info string": ('```python title="' + "x" * 90 + '"', "", "```"),
    "in a list": ("1. First\n\n   ```sh", "   ", "   ```\n\n2. Second"),
    "deep in a list": ("10. Tenth\n\n    ```sh", "    ", "    ```\n\n11. Last"),
    "in the item's first line": ("- ```sh", "  ", "  ```\n- next"),
    "in a nested list": ("- a\n  - b\n\n    ```sh", "    ", "    ```\n- c"),
    "in a quote": ("> ```sh", "> ", "> ```"),
    "with tildes": ("~~~~md", "", "~~~~"),
    "never closed": ("```py", "", ""),
}


@pytest.mark.parametrize("kind", CODE)
def test_code_that_is_cut_is_code_in_every_part(kind: str) -> None:
    first, margin, last = CODE[kind]
    parts = split("\n".join(["Look:\n", first, *(margin + row for row in ROWS), last, "", "End."]), LIMIT)
    assert all(len(part) <= LIMIT for part in parts)
    code = "".join(token.content for part in parts for token in MARKDOWN.parse(part) if token.type == "fence")
    assert [row for row in code.split("\n") if row.startswith("value")] == ROWS
    shown = [token.content for part in parts for token in MARKDOWN.parse(part) if token.type == "code_block"]
    assert shown == []


def test_code_inside_code_stays_inside() -> None:
    text = "\n".join(["~~~~md", "```", *ROWS, "```", "~~~~", "End."])
    parts = split(text, LIMIT)
    for part in parts[:-1]:
        assert [token.markup for token in MARKDOWN.parse(part) if token.type == "fence"] == ["~~~~"]


def test_a_table_that_is_cut_repeats_its_header() -> None:
    rows = [f"| Part {n} | {n} EUR |" for n in range(60)]
    parts = split("\n".join(["Prices:", "", "| Part | Price |", "| --- | --- |", *rows, "", "End."]), LIMIT)
    assert len(parts) > 3
    assert all("| Part | Price |\n| --- | --- |\n| Part" in part for part in parts)
    assert [line for part in parts for line in part.split("\n") if line.startswith("| Part ") and "EUR" in line] == rows


def test_a_link_stays_whole() -> None:
    link = "[the manual of the device](https://example.org/" + "p" * 60 + ")"
    for size in range(60, 140, 7):
        parts = split("word " * (size // 5) + f"see {link} for more. " + "tail " * 50, LIMIT)
        assert any(link in part for part in parts)


def test_flags_are_not_torn_apart() -> None:
    parts = split("🇩🇪" * 300, LIMIT)
    assert all(len(part) % 2 == 0 for part in parts)


@given(
    st.lists(
        st.sampled_from(
            [
                "- a",
                "  b",
                "```",
                "```py",
                "> x",
                "> ```",
                "| a | b |",
                "|---|---|",
                "1. c",
                "   d",
                "",
                "e " * 60,
                "~~~",
                "    f",
                "x" * 150,
                "> " * 50 + "```",
                "  " * 40 + "- ```",
            ]
        ),
        max_size=60,
    ),
    st.integers(100, 300),
)
def test_any_markdown_is_cut_within_the_limit(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    parts = split(text, limit)
    assert all(len(part) <= limit for part in parts)
    letters = [sign for sign in "".join(parts) if sign in "cdefx"]
    assert letters == [sign for sign in text if sign in "cdefx"]
