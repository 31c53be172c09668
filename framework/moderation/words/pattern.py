"""One term as what has to stand in a text: letters with their repeats, and the gaps between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from framework.moderation.words.letters import DIGITS, SIGNS, folded, is_word
from framework.moderation.words.reading import Reading
from framework.moderation.words.term import Kind, Match, Term

_HYPHENS = frozenset("-\u2010\u2011\u2012\u2013\u2014")
_MOST_IN_HYPHEN = 3
_STARTS = 4
"""So many places are tried as the beginning of one match, from the last one."""

# Letters that share a digit or a sign are one class: `1` may be an i or an l.
CLASSES = {"l": "i", "q": "b", "g": "b"} | {
    sign: {"l": "i", "q": "b", "g": "b"}.get(letters[0], letters[0]) for sign, letters in (DIGITS | SIGNS).items()
}


@dataclass(frozen=True, slots=True)
class Letters:
    """A run of one letter or digit. A letter may be repeated, a digit may not."""

    plain: str
    count: int

    def allows(self, sign: str) -> bool:
        """Whether the sign is this letter or stands for it."""
        if sign == self.plain:
            return True
        if self.plain in DIGITS:
            return sign in DIGITS[self.plain]
        return self.plain in DIGITS.get(sign, "") or self.plain in SIGNS.get(sign, "")


@dataclass(frozen=True, slots=True)
class Gap:
    """Separators: at least one between the words of a phrase, none to three for the hyphen of a word."""

    fewest: int


Element = Letters | Gap
State = tuple[int, int, bool]
"""The element, how much of it was seen, and whether a separator stood between letters."""


@dataclass(frozen=True)
class Pattern:
    """What has to stand in a text for a term to be there."""

    term: Term
    elements: tuple[Element, ...]
    skeleton: str
    """Its letters by class, without repeats: the same for all disguises."""
    folded: str
    """Its plain letters, words parted by one blank."""

    @property
    def inside(self) -> bool:
        """Whether it may stand inside of other words."""
        return self.term.match is Match.INSIDE and self.term.kind is Kind.WORD

    def spans(self, reading: Reading, first: range, last: range) -> Iterator[tuple[int, int]]:
        """Where the term stands: [start, end] of the reading's signs. It begins in `first` and ends in `last`."""
        for start in self._starts(reading, first):
            end = self._end(reading, start, last)
            if end is not None:
                yield start, end
                return

    def _starts(self, reading: Reading, first: range) -> Iterator[int]:
        left = _STARTS
        head = self.elements[0]
        assert isinstance(head, Letters)  # noqa: S101 - a term begins with a letter
        for place in reversed(first):
            near = self.inside and place > first[-1] - max(head.count, 1)
            if head.allows(reading.plain[place]) and (near or reading.is_start(place)):
                yield place
                left -= 1
                if not left:
                    return
        if self.inside and head.count > 1 and len(first) >= head.count:
            yield first[-1] - head.count + 1

    def _end(self, reading: Reading, start: int, last: range) -> int | None:
        states: set[State] = {(0, 1, False)}
        for place in range(start, last[-1] + 1):
            if place > start:
                states = self._next(states, reading.plain[place], word=bool(reading.words[place]))
                if not states:
                    return None
            if place in last and any(self._ends(state, reading, start, place) for state in states):
                return place
        return None

    def _ends(self, state: State, reading: Reading, start: int, place: int) -> bool:
        element, count, parted = state
        tail = self.elements[-1]
        if element != len(self.elements) - 1 or not isinstance(tail, Letters) or count < tail.count:
            return False
        if not tail.allows(reading.plain[place]):
            return False
        if not self.inside or parted:
            return reading.is_start(start) and reading.is_end(place)
        return True

    def _next(self, states: set[State], sign: str, *, word: bool) -> set[State]:
        return {state for one in states for state in self._after(one, sign, word=word)}

    def _after(self, state: State, sign: str, *, word: bool) -> Iterator[State]:
        number, count, parted = state
        element = self.elements[number]
        if isinstance(element, Gap):
            yield from self._after_gap(state, element, sign, word=word)
            return
        if element.allows(sign) and (element.plain not in DIGITS or count < element.count):
            yield number, min(count + 1, element.count), parted
        follower = self.elements[number + 1] if number + 1 < len(self.elements) else None
        if not word and not (isinstance(follower, Gap) and count >= element.count):
            yield number, count, True
        if follower is not None and count >= element.count:
            yield from self._onward(number + 1, sign, word=word, parted=parted)

    def _onward(self, number: int, sign: str, *, word: bool, parted: bool) -> Iterator[State]:
        """The states that begin the next element."""
        element = self.elements[number]
        if isinstance(element, Letters):
            yield from self._letter(number, sign, parted=parted)
            return
        if not word:
            yield number, 1, True
        if element.fewest == 0:
            yield from self._letter(number + 1, sign, parted=parted)

    def _after_gap(self, state: State, gap: Gap, sign: str, *, word: bool) -> Iterator[State]:
        number, count, parted = state
        if not word and (gap.fewest or count < _MOST_IN_HYPHEN):
            yield number, count + 1 if not gap.fewest else count, parted
        yield from self._letter(number + 1, sign, parted=parted)

    def _letter(self, number: int, sign: str, *, parted: bool) -> Iterator[State]:
        element = self.elements[number]
        if isinstance(element, Letters) and element.allows(sign):
            yield number, 1, parted


def pattern_of(term: Term) -> Pattern:
    """What has to stand in a text for this word or phrase to be there."""
    elements: list[Element] = []
    words: list[str] = [""]
    for sign in term.text:
        for plain in folded(sign) or "":
            if is_word(plain):
                _add_letter(elements, plain)
                words[-1] += plain
            elif words[-1]:
                _add_gap(elements, plain, term)
                words.append("")
    while elements and isinstance(elements[-1], Gap):
        elements.pop()
    skeleton = "".join(CLASSES.get(one.plain, one.plain) for one in elements if isinstance(one, Letters))
    return Pattern(term, tuple(elements), collapsed(skeleton), " ".join(filter(None, words)))


def _add_letter(elements: list[Element], plain: str) -> None:
    last = elements[-1] if elements else None
    if isinstance(last, Letters) and last.plain == plain:
        elements[-1] = Letters(plain, last.count + 1)
    else:
        elements.append(Letters(plain, 1))


def _add_gap(elements: list[Element], plain: str, term: Term) -> None:
    fewest = 0 if plain in _HYPHENS and term.kind is Kind.WORD else 1
    if not isinstance(elements[-1], Gap):
        elements.append(Gap(fewest))


def collapsed(skeleton: str) -> str:
    """The same without repeats: each run of one letter becomes one."""
    return "".join(sign for place, sign in enumerate(skeleton) if place == 0 or skeleton[place - 1] != sign)
