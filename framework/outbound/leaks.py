"""Whether a text repeats the bot's instructions word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from framework.outbound.domains import visible

_WORD = re.compile(r"\w+")
_GRAM = 5  # words that are compared at once
_LONGEST = 14  # words in a row that are no accident
_SHARE = 0.6  # of a prompt that is shorter
_LEAST = 4


@dataclass(frozen=True)
class Leaks:
    """Finds runs of a prompt's words. `grams` are all its groups of words in a row, `longest` the words of a run that
    is too long.
    """

    grams: frozenset[int] = frozenset()
    size: int = _GRAM
    longest: int = _LONGEST

    @classmethod
    def of(cls, prompt: str) -> Leaks:
        """Of these instructions. Too short ones say nothing that is worth keeping back."""
        words = [word.casefold() for word in _WORD.findall(visible(prompt))]
        longest = min(_LONGEST, max(_LEAST, int(len(words) * _SHARE)))
        size = min(_GRAM, longest)
        if len(words) < _LEAST:
            return cls()
        return cls(frozenset(hash(tuple(words[n : n + size])) for n in range(len(words) - size + 1)), size, longest)

    def runs(self, text: str, *, partial: bool = False) -> Iterator[tuple[int, int]]:
        """Where such runs stand. With `partial` also one that the end of the text may have begun."""
        if not self.grams:
            return
        places = [(found.start(), found.end(), found[0].casefold()) for found in _WORD.finditer(text)]
        if partial and places and places[-1][1] == len(text):
            places.pop()  # a word that is not written to its end
        first = -1
        for n in range(len(places) - self.size + 1):
            hit = hash(tuple(word for _, _, word in places[n : n + self.size])) in self.grams
            if hit and first < 0:
                first = n
            elif not hit and first >= 0:
                if n - 1 + self.size - first >= self.longest:
                    yield places[first][0], places[n - 2 + self.size][1]
                first = -1
        if first >= 0 and (partial or len(places) - first >= self.longest):
            yield places[first][0], len(text) if partial else places[-1][1]
