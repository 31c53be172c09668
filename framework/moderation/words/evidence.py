"""Whether a term that was read into a text is meant: ordinary words that happen to give its letters are not."""

from __future__ import annotations

import gzip
import re
import unicodedata
from functools import cache
from importlib import resources
from itertools import groupby

from framework.moderation.words.hit import How
from framework.moderation.words.letters import SIGNS
from framework.moderation.words.pattern import Pattern
from framework.moderation.words.reading import Reading

_AFTER_APOSTROPHE = frozenset({"s", "t", "d", "m", "n", "ll", "re", "ve", "em", "all", "clock", "l", "c", "j", "qu"})
_APOSTROPHES = frozenset("'\u2019\u02bc`\u00b4")
_BRACKETS = frozenset("([{<")
_WORDS_OF_ONE_LETTER = frozenset("aeiouy")
_COUNTED = re.compile(
    r"\d+(?:st|nd|rd|th|s|d|k|m|b|g|kg|km|cm|mm|nm|gb|mb|kb|tb|h|hr|hrs|min|mins|sec|ms|am|pm|px|x|ml|l|w|v|a|hz|fps|c|f"
    r"|e|er|te|ter|o|mo|p|in|ft|oz|lb|lbs|yo|y|t)?"
)
_DIGITS = "0123456789"
_NATIVE = 2
"""So many other words of the same script tell that a text is written in it."""


@cache
def ordinary_words() -> frozenset[str]:
    """Frequent words of English, German, Spanish, French, Italian, Dutch and Portuguese, in small plain letters.

    `scripts/ordinary_words.py` makes the file.
    """
    packed = resources.files(__package__).joinpath("ordinary.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split())


def is_meant(pattern: Pattern, reading: Reading, start: int, end: int, how: How) -> bool:
    """Whether the signs [start, end] are the term, and not words of their own that read like it."""
    if not reading.text.isascii() and _is_native(pattern, reading, start, end):
        return False
    if how is not How.DISGUISED or not _is_ordinary_term(pattern):
        return True
    own = set(pattern.folded.split())
    tokens = [one for one in _tokens(reading, start, end) if one[0] not in own]
    if _is_spelled(tokens) or _is_pictured(reading, start, end):
        return True
    if not _has_letters(reading, start, end) or _is_loose(reading, start, end):
        return False
    strange = sum(len(token) for token, before in tokens if not _is_ordinary(token, before))
    return 2 * strange >= sum(len(token) for token, _ in tokens)


def _has_letters(reading: Reading, start: int, end: int) -> bool:
    """Whether enough of what stands for the letters are letters: one in a word of one piece, otherwise half."""
    signs = [sign for sign in reading.plain[start : end + 1] if sign.isalnum() or sign in SIGNS]
    letters = sum(sign.isalpha() for sign in signs)
    if len(signs) == end - start + 1 and len(signs) > 3:  # in one piece
        return letters > 0
    return 2 * letters > len(signs) or (2 * letters == len(signs) and letters > 1)


def _is_pictured(reading: Reading, start: int, end: int) -> bool:
    """Whether a picture stands between letters, without blanks."""
    between = zip(*(reading.plain[start + place : end + 1] for place in range(3)), strict=False)
    return any(
        left.isalpha() and right.isalpha() and unicodedata.category(sign) == "So" for left, sign, right in between
    )


def _is_loose(reading: Reading, start: int, end: int) -> bool:
    """Whether it begins or ends with a sign that touches no letter, or with half of a pair of brackets."""
    plain = reading.plain[start : end + 1]
    if _BRACKETS & set(plain):
        return True
    first, last = plain[0] in SIGNS, plain[-1] in SIGNS
    return (first and not plain[1:2].isalnum()) or (last and not plain[-2:-1].isalnum())


def _is_spelled(tokens: list[tuple[str, str]]) -> bool:
    """Whether letters stand one by one: at least three, and no number among them alone."""
    return len(tokens) >= 3 and all(len(token) == 1 for token, _ in tokens) and any(t.isalpha() for t, _ in tokens)


def _is_ordinary_term(pattern: Pattern) -> bool:
    words = ordinary_words()
    return all(word in words for word in pattern.folded.split())


def _tokens(reading: Reading, start: int, end: int) -> list[tuple[str, str]]:
    """The words that the span touches, whole, each with the sign before it. A sign inside of a word belongs to it."""
    left, right = start, end
    while left and reading.words[left - 1]:
        left -= 1
    while right + 1 < len(reading.words) and reading.words[right + 1]:
        right += 1
    tokens: list[tuple[str, str]] = []
    before = reading.plain[left - 1] if left else ""
    for word, group in groupby(range(left, right + 1), key=lambda place: _belongs(reading, place)):
        places = list(group)
        piece = reading.plain[places[0] : places[-1] + 1]
        if word:
            tokens.append((piece, before))
        before = piece[-1]
    return tokens


def _belongs(reading: Reading, place: int) -> bool:
    if reading.words[place]:
        return True
    inside = 0 < place < len(reading.words) - 1 and reading.words[place - 1] and reading.words[place + 1]
    return bool(inside) and reading.plain[place] in SIGNS


def _is_ordinary(token: str, before: str) -> bool:
    words = ordinary_words()
    if len(token) == 1:
        return token in _WORDS_OF_ONE_LETTER or token.isdigit() or before in _APOSTROPHES
    if token in words or _COUNTED.fullmatch(token) or (before in _APOSTROPHES and token in _AFTER_APOSTROPHE):
        return True
    plain = token.lstrip(_DIGITS)
    word = plain.rstrip(_DIGITS)
    return word.isalpha() and (len(word) < 2 or (word in words and plain == token))


def _is_native(pattern: Pattern, reading: Reading, start: int, end: int) -> bool:
    """Whether the span is a word of another script in a text of that script, and only looks like the term."""
    written = reading.text[reading.starts[start] : reading.ends[end]]
    scripts = {_script(sign) for sign in written if sign.isalpha()}
    if len(scripts) != 1 or (script := scripts.pop()) in {"LATIN", ""} or script in _scripts(pattern.term.text):
        return False
    around = reading.text[: reading.starts[start]] + " " + reading.text[reading.ends[end] :]
    others = [word for word in re.findall(r"[^\W\d_]{2,}", around[:5000]) if _scripts(word) == {script}]
    return len(others) >= _NATIVE


def _scripts(text: str) -> set[str]:
    return {_script(sign) for sign in text if sign.isalpha()}


@cache
def _script(sign: str) -> str:
    """GREEK, CYRILLIC and the like; LATIN also for styled letters, which no language is written in."""
    name = unicodedata.name(sign, "").split(" ", 1)[0]
    return (
        name
        if name in {"GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC", "CHEROKEE", "GEORGIAN", "COPTIC"}
        else "LATIN"
    )
