"""Looks for many terms at once, in time that is proportional to the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ahocorasick_rs import AhoCorasick

from framework.moderation.words.domains import DomainMatcher
from framework.moderation.words.evidence import is_meant
from framework.moderation.words.hit import Hit, How
from framework.moderation.words.letters import SIGNS, is_word
from framework.moderation.words.pattern import CLASSES, Pattern, pattern_of
from framework.moderation.words.reading import Reading, read
from framework.moderation.words.term import Kind, Term

MOST_HITS = 200
"""So many hits of one text are told. More say nothing new."""

_REPEATED = re.compile(r"(.)(?=\1)", re.DOTALL)
_LETTER_LIKE = frozenset("@$€£¢¥§")
_SIGNS = frozenset(SIGNS)
_AT_EDGE = re.compile(r"(?<![^\W_])[@$!|+(€£¢¥#<^§\[{¡]++|[@$!|+(€£¢¥#<^§\[{¡]++(?![^\W_])")
"""Signs of SIGNS that stand at the beginning or end of a word."""


class _Classes(dict[int, str]):
    """Maps signs to their class, for str.translate. `letters` are the signs that stand for letters; others part."""

    def __init__(self, letters: Iterable[str]) -> None:
        super().__init__()
        self._letters = frozenset(letters)

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        plain = CLASSES.get(sign, sign) if is_word(sign) or sign in self._letters else " "
        self[code] = plain
        return plain


_NO_SIGN, _EACH_SIGN, _SOME_SIGNS = _Classes(()), _Classes(_SIGNS), _Classes(_LETTER_LIKE)


Match = tuple[int, int, int]
"""The number of a pattern, and where its skeleton starts and ends in the letters of a text."""


class TermMatcher:
    """Finds the terms of a list in texts. Safe to use from several threads."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._patterns = [pattern_of(term) for term in terms if term.kind is not Kind.DOMAIN]
        self._search = AhoCorasick([one.skeleton for one in self._patterns]) if self._patterns else None
        self._domains = DomainMatcher([term for term in terms if term.kind is Kind.DOMAIN])

    def find(self, text: str) -> list[Hit]:
        """All terms that stand in the text, in its order; at most MOST_HITS."""
        reading = read(text)
        hits = self._domains.find(reading)
        if self._search is not None:
            hits += self._words(reading, self._search)
        hits.sort(key=lambda one: (one.start, one.end, one.term.text))
        return hits[:MOST_HITS]

    def _words(self, reading: Reading, search: AhoCorasick) -> list[Hit]:
        found: dict[tuple[str, int, int], Hit] = {}
        for classes in readings_of(reading.plain):
            letters = letters_of(classes)
            matches = search.find_matches_as_indexes(letters, overlapping=True)
            if matches and (likely := self._parted(matches, classes)):
                self._verify(likely, reading, classes, found)
            if len(found) >= MOST_HITS:
                break
        return list(found.values())

    def _parted(self, matches: list[Match], classes: str) -> list[Match]:
        """The matches that begin and end where their terms have to: at the edges of tokens."""
        starts, ends = edges(classes)
        return [
            one
            for one in matches
            if (one[1] in starts and one[2] in ends)
            or (self._patterns[one[0]].inside and ends.isdisjoint(range(one[1] + 1, one[2])))
        ]

    def _verify(
        self,
        matches: Iterable[Match],
        reading: Reading,
        classes: str,
        found: dict[tuple[str, int, int], Hit],
    ) -> None:
        runs = runs_of(classes)
        seen: set[tuple[int, str]] = set()
        for number, start, end in matches:
            first, last = runs[start], runs[end - 1]
            around = reading.plain[max(0, first[0] - 1) : last[-1] + 2]
            if (number, around) in seen and len(seen) > MOST_HITS:
                continue
            seen.add((number, around))
            for left, right in self._patterns[number].spans(reading, first, last):
                hit = _hit(self._patterns[number], reading, left, right)
                if hit is not None:
                    found.setdefault((hit.term.text, hit.start, hit.end), hit)
            if len(found) >= MOST_HITS:
                return


def readings_of(plain: str) -> Iterator[str]:
    """The text by classes, once for each way to read signs such as `$`: as separators, as letters, as letters only
    between letters, or some as letters and the others between them.
    """
    yield plain.translate(_NO_SIGN)
    signs = _SIGNS & set(plain)
    if not signs:
        return
    yield plain.translate(_EACH_SIGN)
    inner = _AT_EDGE.sub(lambda one: " " * len(one[0]), plain)
    if inner != plain and _SIGNS & set(inner):
        yield inner.translate(_EACH_SIGN)
    if signs & _LETTER_LIKE and signs - _LETTER_LIKE:
        yield plain.translate(_SOME_SIGNS)


def letters_of(classes: str) -> str:
    """The letters of a text by classes, without separators and repeats."""
    return _REPEATED.sub("", classes.replace(" ", ""))


def edges(classes: str) -> tuple[set[int], set[int]]:
    """Return where the tokens of a text start and end among its letters, which are without separators and repeats."""
    starts: set[int] = set()
    ends: set[int] = set()
    length, last = 0, ""
    for token in _REPEATED.sub("", classes).split():
        start = length - (token[0] == last)
        starts.add(start)
        length = start + len(token)
        ends.add(length)
        last = token[-1]
    return starts, ends


def runs_of(classes: str) -> list[range]:
    """Where each sign of the skeleton comes from: the first to the last sign of the text that it stands for."""
    runs: list[range] = []
    previous, first, latest = "", 0, 0
    for place, sign in enumerate(classes):
        if sign == " ":
            continue
        if sign != previous:
            if previous:
                runs.append(range(first, latest + 1))
            previous, first = sign, place
        latest = place
    if previous:
        runs.append(range(first, latest + 1))
    return runs


def _hit(pattern: Pattern, reading: Reading, start: int, end: int) -> Hit | None:
    left, right = reading.starts[start], reading.ends[end]
    written = reading.text[left:right]
    if written == pattern.term.text:
        return Hit(pattern.term, How.EXACT, left, right)
    plain = reading.plain[start : end + 1]
    how = How.FOLDED if _words_of(plain) == pattern.folded else How.DISGUISED
    if not is_meant(pattern, reading, start, end, how):
        return None
    return Hit(pattern.term, how, left, right)


def _words_of(plain: str) -> str:
    """The words, parted by one blank where separators stood."""
    return " ".join("".join(group) for word, group in groupby(plain, key=is_word) if word)
