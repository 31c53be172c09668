"""Which language a short text is in, by its function words; and the words that carry no subject of their own."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources

# A letter that belongs to a code, as in `W2-130`, is not a word.
_TOKEN = re.compile(r"(?<![\w-])[^\W\d_]+(?:[’'][^\W\d_]+)?(?!\w)", re.UNICODE)


def strip_accents(text: str) -> str:
    """Lower case without accents: `Überprüfung` becomes `uberprufung`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@cache
def tables() -> dict[str, frozenset[str]]:
    """The function words of each language, with their accents."""
    found: dict[str, list[str]] = {}
    language = ""
    for line in resources.files(__package__).joinpath("function_words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            language, _, line = line.partition(":")  # noqa: PLW2901 - the rest of the line is words, as on the next
        found.setdefault(language, []).extend(line.split())
    return {name: frozenset(words) for name, words in found.items()}


@cache
def function_words() -> frozenset[str]:
    """The function words of all languages, without accents."""
    return frozenset(strip_accents(word) for words in tables().values() for word in words)


def detect(text: str, default: str = "") -> str:
    """The language's two letters, or `default` where its function words do not tell."""
    scores = counts(text)
    best = max(scores.values())
    leaders = [language for language, score in scores.items() if score == best]
    if best == 0:
        return default
    return default if default in leaders else leaders[0]


def counts(text: str) -> dict[str, int]:
    """How many function words of each language stand in a text."""
    words = [word.replace("’", "'") for word in _TOKEN.findall(text.lower())]
    split = [part for word in words for part in (word.split("'") if "'" in word else (word,))]
    return {language: sum(word in table for word in split) for language, table in tables().items()}
