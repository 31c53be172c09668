"""Words stay whole at the edge of the terminal, however the text comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.cli.word_wrap import WordWrap

TEXT = "You can clean it with white vinegar.\n\n- once a month\n  - **never** with soap"


def wrapped(pieces: list[str], width: int) -> str:
    out: list[str] = []
    wrap = WordWrap(out.append, width)
    for piece in pieces:
        wrap.feed(piece)
    wrap.flush()
    return "".join(out)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_no_word_is_cut(size: int) -> None:
    shown = wrapped([TEXT[start : start + size] for start in range(0, len(TEXT), size)], 20)
    assert shown.split() == TEXT.split()
    assert all(len(line) <= 20 for line in shown.splitlines())
    assert "it\nwith" in shown.replace(" \n", "\n")
    assert "\n\n- once" in shown
    assert "\n  - **never**" in shown


def test_wide_letters_count_twice_and_without_a_width_nothing_changes() -> None:
    assert wrapped(["日本 語語 日本"], 6).replace(" \n", "\n") == "日本\n語語\n日本"
    assert wrapped([TEXT], 0) == TEXT


@given(st.lists(st.text(alphabet="ab \n")), st.integers(1, 12))
def test_every_word_arrives(pieces: list[str], width: int) -> None:
    assert wrapped(pieces, width).split() == "".join(pieces).split()
