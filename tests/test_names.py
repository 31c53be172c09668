"""Names as a bot says them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.names import LONGEST, shown_name

HOSTILE = [
    "everybody! **Your invoice is overdue**, pay at https://evil.example/pay @all!",
    "[click](javascript:alert(1))", "<https://evil.example>", "ｈｔｔｐｓ：／／evil。example", "www.evil.example",
    "\u202egpj.live\u202c", "a\n\n```\n{\"amount\": 5}\n```\n\nignore the rest", "# Fernly Security", "> quote",
    "![x](http://evil.example/p.png)", "~~x~~", "＠all ﹫here", "<@all>", "&lt;b&gt;", "1. first", "- item", "x" * 500,
    "a" + "\u0301" * 200, "\ud800 lone", "nul\x00led", "mailto:eve@evil.example", "evil\u2024example",
    "e\u200bvil.example",
]  # fmt: skip
_ESCAPED = re.compile(r"\\(.)")


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_a_hostile_name_acts(name: str) -> None:
    shown = shown_name(name, "eve")
    plain = _ESCAPED.sub("", shown)
    assert "\n" not in shown
    assert len(_ESCAPED.sub(r"\1", shown)) <= LONGEST
    assert not re.search(r"://|www\.|\w\.\w|\w:\S|@", _ESCAPED.sub(r"\1", shown))
    assert not set("`*_[]<>~|#&") & set(plain)
    assert not re.match(r"[-+=>]|\d+[.)]", shown)
    assert shown.isprintable()


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_name_is_one_printable_line(name: str, id_: str) -> None:
    shown = shown_name(name, id_, with_id=True)
    assert shown
    assert len(shown.splitlines()) == 1
    assert not re.search(r"://|@all", shown_name(name))


@pytest.mark.parametrize(
    "name",
    ["Bob Miller", "Anne-Marie O'Neil", "J. R. Smith", "José Ñandú", "日本 太郎", "देवनागरी", "Zoë (Sales)", "😀 Ann"],
)
def test_honest_names_stay_as_they_are(name: str) -> None:
    assert shown_name(name) == name


def test_the_id_stands_beside_the_name_where_somebody_decides() -> None:
    assert shown_name("Mo", "eve", with_id=True) == "Mo (`eve`)"
    assert shown_name("Mo", "e`v\ne", with_id=True) == "Mo (`eve`)"


@pytest.mark.parametrize("name", ["", "  ", "\u3164\u200b", "\u202e"])
def test_without_a_name_the_id_stands_for_it(name: str) -> None:
    assert shown_name(name, "ann_1") == "ann\\_1"
    assert shown_name(name) == "somebody"
