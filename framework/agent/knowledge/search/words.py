"""Words and how alike they are: the evidence that a question and a passage name the same thing.

Independent of language: no stemmer knows what is asked tomorrow. Two words are alike by the start they share and by
their character trigrams, which covers inflection, compounds and typing errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

from framework.agent.knowledge.search.languages import function_words, strip_accents

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+(?:[-'’][^\W_]+)*", re.UNICODE)
_PARTS = re.compile(r"[^\W\d_]+|\d+", re.UNICODE)
_GLUED = re.compile(r"(?<![\w-])([^\W\d_]{2,})(\d{1,4})(?![\w-])", re.UNICODE)
MEANING = {"@": 0.97, "=": 0.75}
"""How alike two words are that stand for the same country, and for the same concept."""

ALIKE = 0.62
"""Below this, two words are not held to be forms of one word."""


@lru_cache(maxsize=50_000)
def _forms(raw: str) -> tuple[str, ...]:
    word = strip_accents(raw)
    if not re.search(r"[-'’]", word):
        return (word,)
    parts = [part for part in re.split(r"[-'’]", word) if part]
    if any(char.isdigit() for char in word):
        return ("".join(parts), *parts)
    return tuple(parts)


def terms(text: str) -> list[str]:
    """The words of a text, in order, folded; a code such as `W2-130` counts whole and in its parts."""
    return [form for match in _TOKEN.finditer(text) for form in _forms(match[0])]


@cache
def _meanings() -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """From a word to the countries and concepts it stands for, written `@es` and `=price`, as no word is; and the words
    that name a country.
    """
    meanings: dict[str, list[str]] = {}
    nouns: set[str] = set()
    for table, mark in (("countries", "@"), ("concepts", "=")):
        text = resources.files(__package__).joinpath(f"{table}.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            name, _, words = line.partition(":")
            if line.startswith("#"):
                continue
            for word in {strip_accents(word) for word in words.split()}:
                meanings.setdefault(word, []).append(f"{mark}{name.removesuffix('~')}")
                if mark == "@" and not name.endswith("~"):
                    nouns.add(word)
    return {word: tuple(names) for word, names in meanings.items()}, frozenset(nouns)


def meanings(term: str) -> tuple[str, ...]:
    """The countries (`@es`) and concepts (`=price`) that a word may stand for, in whatever language it is."""
    return _meanings()[0].get(term, ())


def countries(words: Iterable[str]) -> set[str]:
    """The countries that are named, as `@es`; an adjective, as in `a German company`, names none."""
    known, nouns = _meanings()
    return {name for word in words if word in nouns for name in known[word] if name.startswith("@")}


def with_meanings(words: Iterable[str]) -> list[str]:
    """The words and what they stand for."""
    return [name for word in words for name in (word, *meanings(word))]


def content_terms(text: str) -> list[str]:
    """The words that carry a subject, each once, in order."""
    skip = function_words()
    return list(dict.fromkeys(term for term in terms(text) if term not in skip and (len(term) > 1 or term.isdigit())))


def _trigrams(term: str) -> set[str]:
    padded = f"^{term}$"
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


class Vocabulary:
    """The words of a knowledge base, searchable by likeness. Read-only once built, so safe in threads."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = sorted(set(words))
        self.ids = {word: number for number, word in enumerate(self.words)}
        postings: dict[str, list[int]] = {}
        for number, word in enumerate(self.words):
            if word[0] not in MEANING and not any(char.isdigit() for char in word):
                for gram in _trigrams(word):
                    postings.setdefault(gram, []).append(number)
        import numpy as np  # late: the words are needed where no article is searched

        self._postings = {gram: np.array(numbers) for gram, numbers in postings.items()}
        self._sizes = np.array([len(_trigrams(word)) for word in self.words] or [1], dtype=np.float32)

    def spaced(self, text: str) -> str:
        """The text with names taken apart that these words have apart: `hub6` where there are a `Hub` and a `6`."""

        def apart(match: re.Match[str]) -> str:
            name, number = strip_accents(match[1]), match[2]
            return match[0] if f"{name}{number}" in self.ids or name not in self.ids else f"{match[1]} {number}"

        return _GLUED.sub(apart, text)

    def alike(self, term: str) -> dict[int, float]:
        """The words like `term`, as id to likeness in (0, 1]; words with digits are like themselves alone."""
        found = {self.ids[name]: MEANING[name[0]] for name in meanings(term) if name in self.ids}
        if term in self.ids:
            found[self.ids[term]] = 1.0
        if len(term) < 4 or any(char.isdigit() for char in term):
            return found
        grams = _trigrams(term)
        import numpy as np

        counts = np.zeros(len(self.words), dtype=np.float32)
        for gram in grams:
            if gram in self._postings:
                counts[self._postings[gram]] += 1
        dice = 2 * counts / (self._sizes + len(grams))
        for number in np.flatnonzero(dice > 0.25):
            likeness = max(float(dice[number]), _same_start(term, self.words[number]))
            if likeness >= ALIKE:
                found[int(number)] = max(found.get(int(number), 0.0), min(likeness, 0.95))
        return found


def _same_start(one: str, other: str) -> float:
    """How much of the longer word is the start that both share; half a point is lost for compounds."""
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    shorter, longer = sorted((len(one), len(other)))
    if shared < 4:
        return 0.0
    return max(shared / longer, 0.85 * shared / shorter if shared == shorter or shared >= 6 else 0.0)
