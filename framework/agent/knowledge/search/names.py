"""Names in a question that a knowledge base may or may not know: products, models, codes, countries.

What sounds like this company's business but is not in its articles differs from what is by a name: a model that does
not exist, a country without a row, a code that is not in the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from framework.agent.knowledge.search.languages import function_words, strip_accents
from framework.agent.knowledge.search.words import countries, meanings, terms

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_NEW_SENTENCE = frozenset('.?!:¿¡"“(')
_DAYS = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
    sundays lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miercoles jueves viernes sabado domingo
    christmas easter""".split()  # noqa: SIM905 - a table of words reads best as words
)
_CODE = re.compile(r"[a-z]{1,4}\d?-?\d{1,4}")
_FAMILY = re.compile(r"\b([A-ZÀ-Ý][^\W\d_]{2,})(?= (\d{1,3}|[A-Z][^\W\d_]{0,5})\b)")


def names_in(question: str, language: str) -> set[str]:
    """Words that are written as names, folded. German writes every noun with a capital, so there only codes count."""
    found: set[str] = set()
    capitals_count = language != "de" and not question.isupper()
    end = 0
    for match in _WORD.finditer(question):
        word = match[0]
        first = match.start() == 0 or question[end : match.start()].rstrip()[-1:] in _NEW_SENTENCE
        end = match.end()
        capital = (
            len(word) > 2 and not re.search(r"['’]", word) and ((word[0].isupper() and not first) or word.isupper())
        )
        if _CODE.fullmatch(word.lower()) or (capitals_count and capital):
            found.update(terms(word) if "-" in word else [strip_accents(word)])
    # Countries, months and the like are known to everybody; whether an article has a country is asked elsewhere.
    return {name for name in found - function_words() - _DAYS if not meanings(name)}


class Families:
    """Names that come in numbered or lettered variants in a base (`Charge 1`, `Charge 2`; `W2-110`, `W2-130`)."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._variants: dict[str, set[str]] = {}
        self._codes: dict[str, set[str]] = {}
        for text in texts:
            for match in _FAMILY.finditer(text):
                name = strip_accents(match[1])
                if name not in function_words():
                    self._variants.setdefault(name, set()).add(strip_accents(match[2]))
            for word in _WORD.findall(text):
                self._add_code(word)

    def _add_code(self, word: str) -> None:
        code = word.lower()
        if any(char.isupper() for char in word) and _CODE.fullmatch(code):
            self._codes.setdefault(_stem(code), set()).add(code)

    def lacks(self, question: str) -> bool:
        """Whether the question names a variant of a known family that the base does not know."""
        words = _WORD.findall(question)
        for word in words:
            code = word.lower()
            siblings = self._codes.get(_stem(code), set()) if _CODE.fullmatch(code) else set()
            if len(siblings) >= 3 and code not in siblings:
                return True
        return any(self._unknown(name, variant) for name, variant in pairwise(words))

    def _unknown(self, name: str, variant: str) -> bool:
        known = self._variants.get(strip_accents(name), set())
        folded = strip_accents(variant)
        if len(known) < 2 or folded in known or countries([folded]):
            return False
        if variant.isdigit():
            return len(variant) <= 3 and sum(other.isdigit() for other in known) >= 2
        named = {other for other in known if other.isalpha() and not countries([other])}
        return variant.isalpha() and variant[0].isupper() and len(variant) <= 5 and len(named) >= 2


def _stem(code: str) -> str:
    return code.rstrip("0123456789")
