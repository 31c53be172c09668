"""Owners' regular expressions: they mean what they mean in Python, and what cannot be run in linear time is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.definition.expressions.patterns import LinearPattern, check_regex

TAKEN = [
    r"\bfoo\b",
    r"\büber\b",
    r"(?i)ÜBER\b",
    r"[^\W_]+",
    r"[\W_]7",
    r"^\s*/poll\s+(?P<question>[^|]+?)\s*\|(?P<rest>.*)$",
    r"\Boo",
    r"\b(?:\bfoo|bar\b)\b",
    r"\b^foo\b$",
    r"(?m)^b.?$",
    r"(?s)a.b",
    r"[^\S ]",
    r"[^\D3]",
    r"(?P<number>T-\d{4,6})",
    r"(a|b)*?c",
    r"(?x) a  b # c",
    r".\b.",
    r"(?i:a)B",
    r"\bvon (?P<what>\w+(?: \w+)*) bis\b",
    r"(?P<first>\w+)[\s|]+(?P<second>\w+)?",
]
TEXTS = st.text(st.sampled_from(list("fob arFOé_7٣ü\n/poll|T-1\u00a0あ.\ue000")), max_size=12)
BEGINNINGS = st.sampled_from(["", "foo", "über ", "/poll a | b", "T-1234", "von a b bis"])


def named(match: re.Match[str] | None) -> dict[str, str] | None:
    return None if match is None else {name: value for name, value in match.groupdict().items() if value is not None}


@pytest.mark.parametrize("source", TAKEN)
@settings(deadline=None, max_examples=150)
@given(beginning=BEGINNINGS, text=TEXTS)
def test_an_expression_means_what_it_means_in_python(source: str, beginning: str, text: str) -> None:
    said = beginning + text
    if r"\b" in source.lower():  # the mark of a border is taken out of what is said
        said = said.replace("\ue000", "")
    linear, python = LinearPattern(source), re.compile(source)
    assert linear.matches(beginning + text) == (python.search(said) is not None)
    if not source.endswith("$"):
        assert linear.groups(said) == named(python.search(said))


def test_groups_are_those_of_the_text_without_marks() -> None:
    pattern = LinearPattern(r"\border (?P<number>\w+-\d+)\b", ignore_case=True)
    assert pattern.names == {"number"}
    assert pattern.groups("Where is ORDER übertrag-7, please?") == {"number": "übertrag-7"}
    assert pattern.groups("Where is my reorder a-7?") is None


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (r"(a)\1", "refers to a group"),
        (r"(?P<x>a)(?P=x)", "refers to a group"),
        (r"(?i)(a)\1", "refers to a group"),
        (r"a(?=b)", "looks around"),
        (r"a(?!b)", "looks around"),
        (r"(?<=a)b", "looks around"),
        (r"(?<!a)b", "looks around"),
        (r"a*+b", "possessive"),
        (r"(?>a|ab)c", "atomic"),
        (r"(a)?(?(1)b|c)", "whether a group took part"),
        (r"(?a)\w", "flag"),
        (r"(\w{1,100} ){1,100}", "linear time"),
        (r"\w{1,100}", "count less far"),
        (r"a{2000}", "linear time"),
        (r"[^\W\S]", "two of"),
        (r"(", "not a regular expression: missing ), unterminated subpattern at character 1"),
        (r"a**", "not a regular expression: multiple repeat at character 3"),
        ("(" * 3000 + ")" * 3000, "nested too deep"),
    ],
)
def test_what_the_engine_cannot_take_is_refused(source: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        check_regex(source)


@pytest.mark.parametrize(
    "source", [r"^(a+)+$", r"(a|aa)+$", r"(a|b|ab)*c", r"(.*a){15}$", r".*.*.*x", r"(?:a?){30}a{30}"]
)
def test_what_took_python_for_ever_is_taken(source: str) -> None:
    check_regex(source)
    assert LinearPattern(source).matches("b" * 20_000) is False


def test_half_of_a_surrogate_pair_is_no_reason_to_fail() -> None:
    assert LinearPattern(r"a.b").matches("a\ud800b")
