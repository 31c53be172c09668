"""Groups of words and phrases that mean the same here: `pull the plug` is `stop`, `lobby` is `channel`."""

from __future__ import annotations

import json
from collections import defaultdict
from importlib.resources import files
from typing import TYPE_CHECKING, Self

from framework.catalog.search.text import stem, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "~"
GAP = 2


class Thesaurus:
    """Finds the concepts in a sequence of words. A concept is written `~stop`, so that it never meets a word."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self.spellings: set[str] = set()
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for concept, phrases in groups.items():
            for phrase in phrases:
                parts = [part for word in words(phrase) for part in word.split("-")]
                self.spellings.update(parts)
                key = tuple(stem(part) for part in parts)
                if key:
                    self._phrases[key[0]].append((key, MARK + concept))

    @classmethod
    def load(cls) -> Self:
        """Read data/thesaurus.json: an object of lists, a concept's name to its words and phrases."""
        file = files("framework.catalog") / "data" / "thesaurus.json"
        return cls(json.loads(file.read_text(encoding="utf-8")))

    def concepts(self, sequence: Sequence[str]) -> list[str]:
        """Concepts of a sequence of stems, stopwords included, each once, in the order of their first occurrence."""
        found: dict[str, None] = {}
        for at, first in enumerate(sequence):
            for key, concept in self._phrases.get(first, ()):
                if len(key) == 1 or _follows(sequence, at + 1, key[1:]):
                    found[concept] = None
        return list(found)

    def vocabulary(self) -> set[str]:
        """Every stem that occurs in a group."""
        return {part for entries in self._phrases.values() for key, _ in entries for part in key}


def _follows(sequence: Sequence[str], at: int, rest: Sequence[str]) -> bool:
    """Whether the rest of a phrase follows, with at most GAP other words between two of its parts (`put it back`)."""
    for part in rest:
        ahead = sequence[at : at + GAP + 1]
        if part not in ahead:
            return False
        at += ahead.index(part) + 1
    return True
