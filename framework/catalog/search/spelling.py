"""Typos, corrected against the catalogue's own vocabulary."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 4
LONG = 8


class Spelling:
    """Maps an unknown word to the known word that is one slip away (two, for long words)."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._known = {word for word in vocabulary if word.isalpha()}
        self._by_length: dict[int, list[str]] = defaultdict(list)
        for word in sorted(self._known):
            self._by_length[len(word)].append(word)

    def correct(self, word: str) -> str | None:
        """The nearest known word, or None where the word is known, short, or near to none."""
        if len(word) < SHORTEST or word in self._known or not word.isalpha():
            return None
        allowed = 2 if len(word) >= LONG else 1
        best: tuple[int, bool, str] | None = None
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            for candidate in self._by_length.get(length, ()):
                # People rarely slip on the first letter, and names that merely look alike often differ in it.
                if length < SHORTEST or (candidate[0] != word[0] and sorted(candidate[:2]) != sorted(word[:2])):
                    continue
                slips = distance(word, candidate, allowed)
                # Letters in a wrong order are the commonest slip.
                found = (slips, sorted(candidate) != sorted(word), candidate)
                if slips <= allowed and (best is None or found < best):
                    best = found
        return best[2] if best else None


def distance(left: str, right: str, most: int) -> int:
    """Damerau-Levenshtein distance, with neighbouring letters swapped counting as one; `most + 1` where it is more."""
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > most:
            return most + 1
        before, previous = previous, current
    return previous[-1]
