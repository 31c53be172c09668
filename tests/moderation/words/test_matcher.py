"""Blocked words: what is one, however it is written, and what only reads like one."""

from __future__ import annotations

import pytest

from framework.moderation.words import How, Kind, Match, Term, TermMatcher
from framework.moderation.words.letters import SIGNS
from framework.moderation.words.matcher import _AT_EDGE

LIST = TermMatcher(
    [
        Term("zorbax"),
        Term("grat"),
        Term("add-on"),
        Term("buy followers", Kind.PHRASE),
        Term("quib", match=Match.INSIDE),
        Term("sex4u"),
        *(Term(word) for word in ("bots", "steps", "hell", "taxi", "maybe", "cop", "idiot", "ill", "as", "files")),
    ]
)


def found(text: str) -> list[tuple[str, str, str]]:
    return [(hit.term.text, str(hit.how), text[hit.start : hit.end]) for hit in LIST.find(text)]


@pytest.mark.parametrize(
    ("text", "term", "how"),
    [
        ("zorbax", "zorbax", How.EXACT),
        ("a zorbax!", "zorbax", How.EXACT),
        ("ZorBax", "zorbax", How.FOLDED),
        ("\uff5a\uff4f\uff52\uff42\uff41\uff58", "zorbax", How.FOLDED),
        ("\U0001d433\U0001d428\U0001d42b\U0001d41b\U0001d41a\U0001d431", "zorbax", How.FOLDED),
        ("zorb\u0430x", "zorbax", How.FOLDED),
        ("z\u00f6rb\u00e1x", "zorbax", How.FOLDED),
        ("z\u200bo\u00adr\u2060bax", "zorbax", How.FOLDED),
        ("z\u0335\u0301orb\u0336ax", "zorbax", How.FOLDED),
        ("\u202ezorbax\u202c", "zorbax", How.EXACT),
        ("&#122;o&#x72;bax", "zorbax", How.FOLDED),
        ("**z**orbax", "zorbax", How.FOLDED),
        ("zo<b>r</b>bax", "zorbax", How.FOLDED),
        ("\U0001f149\U0001f13e\U0001f141\U0001f131\U0001f130\U0001f147", "zorbax", How.FOLDED),
        ("z0rb@x", "zorbax", How.DISGUISED),
        ("zzorrrbaxx", "zorbax", How.DISGUISED),
        ("z o r b a x", "zorbax", How.DISGUISED),
        ("z . o . r . b . a . x", "zorbax", How.DISGUISED),
        ("zor\nbax", "zorbax", How.DISGUISED),
        ("zor\U0001f525bax", "zorbax", How.DISGUISED),
        ("z|o|r|b|@|x", "zorbax", How.DISGUISED),
        ("z_0_r_8_4_x", "zorbax", How.DISGUISED),
        ("\U0001f1ff \U0001f1f4 \U0001f1f7 \U0001f1e7 \U0001f1e6 \U0001f1fd", "zorbax", How.DISGUISED),
        ("grat's", "grat", How.EXACT),
        ("add--on", "add-on", How.FOLDED),
        ("addon", "add-on", How.DISGUISED),
        ("Buy\nfollowers", "buy followers", How.FOLDED),
        ("b u y f0llowers", "buy followers", How.DISGUISED),
        ("sexAu", "sex4u", How.DISGUISED),
        ("unquibbled", "quib", How.EXACT),
        ("x q u i b y", "quib", How.DISGUISED),
        ("1d10t", "idiot", How.DISGUISED),
        ("i.d.i.o.t", "idiot", How.DISGUISED),
        ("\u0441\u043e\u0440", "cop", How.FOLDED),
    ],
)
def test_a_term_is_found_however_it_is_written(text: str, term: str, how: How) -> None:
    assert [(one, manner) for one, manner, _ in found(text)] == [(term, how)]


@pytest.mark.parametrize(
    "text",
    [
        "topaz orb axis", "grats", "gratitude", "migrate", "**grat**itude", "grat5", "buyfollowers", "add-----on",
        "sex44u", "\U0001f1ec\U0001f1f7 at", "I like boots", "step 5", "he'll go", "pay tax! now", "it may be so",
        "\u043a\u0430\u043a\u043e\u0439 \u0441\u043e\u0440 \u0438\u0437 \u0438\u0437\u0431\u044b", "after 4 s",
        "the file(s) of it", "|---|---|", "",
    ],
)  # fmt: skip
def test_words_that_only_read_like_a_term_are_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_place_covers_the_term_as_it_is_written_in_code_points() -> None:
    assert found("\U0001f600 z\u200bo&#114;bax, no")[0][2] == "z\u200bo&#114;bax"


def test_every_term_of_a_text_is_named_in_its_order() -> None:
    assert [term for term, _, _ in found("grat and zorbax and grat")] == ["grat", "zorbax", "grat"]


@pytest.mark.parametrize(
    "piece", ["a", "ab", "z o r b a ", "!", "a\u0301", "&", "<b ", "*a", "a@", "\U0001f525a", "q u i b", "zorba "]
)
def test_ten_times_the_text_takes_about_ten_times_the_steps(piece: str) -> None:
    """Counted in calls, not in seconds: no text makes the search run in more than linear time."""

    def calls(text: str) -> int:
        import sys

        count = 0

        def counted(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        sys.setprofile(counted)
        try:
            LIST.find(text)
        finally:
            sys.setprofile(None)
        return count

    LIST.find(piece * 10)
    small, large = calls(piece * 200), calls(piece * 2_000)
    assert large < 15 * small + 2_000


def test_the_signs_at_edges_are_those_that_stand_for_letters() -> None:
    assert all(_AT_EDGE.fullmatch(sign) for sign in SIGNS)
    assert not _AT_EDGE.search("a.b-c'd")
