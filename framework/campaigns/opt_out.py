"""How people say that they want no more messages: one word, in the bot's languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORDS = {
    "en": ("stop", "unsubscribe", "opt out", "stop all", "no more messages"),
    "de": ("stop", "stopp", "abbestellen", "abmelden", "keine nachrichten mehr"),
    "fr": ("stop", "arrêt", "désabonner", "me désabonner"),
    "es": ("stop", "alto", "baja", "no más mensajes"),
    "it": ("stop", "basta", "cancellami", "disiscrivimi"),
    "pt": ("stop", "pare", "sair", "descadastrar"),
    "nl": ("stop", "afmelden", "uitschrijven"),
    "pl": ("stop", "wypisz", "rezygnuję"),
}
_ALWAYS = ("stop", "unsubscribe")


def words_of(languages: Iterable[str], own: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the words that count as STOP in these languages, with a bot's own: as written, and without accents."""
    found = [*_ALWAYS, *(word for language in languages for word in _WORDS.get(language, ())), *own]
    return tuple(dict.fromkeys(form for word in found for form in (word.casefold(), _folded(word)) if form))


def is_stop(text: str, words: Iterable[str]) -> bool:
    """Return whether a message says STOP and nothing else. Case, accents, quotes and signs do not matter."""
    said = _folded(text)
    return said in words or said.removeprefix("please ").removesuffix(" please") in words


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(re.findall(r"\w+", letters))
