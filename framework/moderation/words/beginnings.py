"""Where the end of an unfinished text may be the beginning of a term, so that it is not shown yet."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from framework.moderation.words.letters import is_word
from framework.moderation.words.matcher import edges, letters_of, readings_of, runs_of
from framework.moderation.words.pattern import CLASSES, collapsed, pattern_of
from framework.moderation.words.reading import Reading, read
from framework.moderation.words.term import Kind, Match, Term

_DOTS = ("", "dot", "punkt", "punto", "point")
"""What is written for the dot of a host, as letters."""
_TAIL = 2_000
"""Characters at the end of a text in which a term begins: separators may stand between all of its letters."""


class Beginnings:
    """Knows how the terms of a list begin. `longest` is the number of letters of the longest one."""

    def __init__(self, terms: Iterable[Term]) -> None:
        apart: set[str] = set()
        inside: set[str] = set()
        for term in terms:
            if term.kind is Kind.DOMAIN:
                inside |= set(_of_domain(term.text))
            elif term.match is Match.INSIDE and term.kind is Kind.WORD:
                inside.add(pattern_of(term).skeleton)
            else:
                apart.add(pattern_of(term).skeleton)
        self._apart, self._inside = sorted(apart), sorted(inside)
        self.longest = max(map(len, (*apart, *inside)), default=0)

    def open_at(self, text: str) -> int:
        """From where on the text may become a term; its length, if it can become none."""
        if not self.longest:
            return len(text)
        start = max(0, len(text) - _TAIL)
        reading = read(text[start:])
        return start + min(self._open(reading, classes) for classes in readings_of(reading.plain))

    def _open(self, reading: Reading, classes: str) -> int:
        letters, runs, starts = letters_of(classes), runs_of(classes), edges(classes)[0]
        for length in range(min(self.longest, len(letters)), 0, -1):
            place = len(letters) - length
            tail = letters[place:]
            if (place in starts and _begins(self._apart, tail)) or _begins(self._inside, tail):
                return reading.starts[runs[place][0]]
        return len(reading.text)


def _begins(words: Sequence[str], tail: str) -> bool:
    """Whether one of these sorted words begins with the tail."""
    place = bisect_left(words, tail)
    return place < len(words) and words[place].startswith(tail)


def _of_domain(name: str) -> Iterable[str]:
    labels = name.lower().strip(".").split(".")
    for dot in _DOTS:
        letters = dot.join("".join(filter(is_word, label)) for label in labels)
        yield collapsed("".join(CLASSES.get(sign, sign) for sign in letters))
