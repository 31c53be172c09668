"""Intents in other languages, word by word in English: what the search by words reads.

data/lexicon.json holds, for each thing that people do or name in a chat, how it is said in nine languages. Words are
given by their beginnings, so that their endings do not matter: `losch` is found in `lösche` and `löschen`. In Japanese
and Chinese, which write no gaps, words are looked for inside the text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

UNSPACED = ("ja", "zh")
LONGEST = 400
"""Characters of an intent that are read: what it asks for stands at its beginning."""
GAP = {"de": 6}
USUAL_GAP = 3
"""Other words that may stand between the parts of a phrase, as in `nimm die einladung an`. German verbs end late."""
GAP_INSIDE = 12
"""The same for characters, in languages without gaps."""
SHORT = 3
# What is done to people where nothing else is named.
_TO_PEOPLE = frozenset({"mute", "unmute", "ban", "unban", "block", "unblock", "deactivate", "reactivate"})
# What is named beside a subject of another kind is only what the talk is about: "search messages about refunds".
_OF_CHAT = frozenset({"message", "channel", "poll", "reactions", "campaign"})
# What is looked at where nothing is done to it.
_STANDING = frozenset({"banned users", "blocked users", "pinned messages", "flagged messages", "member"})
_COUNTED = frozenset(
    {"user", "channel", "message", "member", "poll", "campaign", "segment", "role", "reminder", "file"}
)
# Letters that tell languages apart.
_TELLING = {"tr": "ığşİ", "pl": "łąęśżźćń", "de": "ßäöü", "es": "ñ¿¡", "pt": "ãõ", "fr": "œèêùû"}
_LETTERS = str.maketrans({"ł": "l", "ı": "i", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "’": "'"})
_ACCENTS = re.compile("[\u0300-\u036f]")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_QUOTED = re.compile(
    r"\"[^\"]{0,300}\"|“[^”]{0,300}”|«[^»]{0,300}»|„[^“”]{0,300}[“”]|「[^」]{0,300}」|『[^』]{0,300}』"
)
_CAMEL = re.compile(r"[a-z][A-Z]")
_KANA = re.compile("[\u3040-\u30ff]")
_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Translation:
    """What an intent says, as English words: verbs first, then what they are about. `is_elsewhere` says that it names
    something that no chat does.
    """

    language: str
    english: str
    is_elsewhere: bool


@dataclass(frozen=True)
class _Entry:
    parts: tuple[str, ...]
    english: str
    kind: str

    @property
    def weight(self) -> tuple[int, int]:
        return len(self.parts), sum(map(len, self.parts))


def translated(intent: str, is_english: Callable[[str], bool]) -> Translation | None:
    """An intent in English words; None for one that is English, or in a language that the lexicon has not.

    `is_english` tells whether a word is one that an English intent may have.
    """
    text = folded(_QUOTED.sub(" ", intent[:LONGEST]))
    if _KANA.search(text) or _HAN.search(text):
        return _of_unspaced(text)
    said = _WORDS.findall(text)
    if not said or _CAMEL.search(intent[:LONGEST]):
        return None
    english = sum(map(is_english, said))
    (known, matches), language = max(
        ((_known(language, said), language) for language in _function_words()),
        key=lambda entry: (
            entry[0][0] + any(letter in intent for letter in _TELLING.get(entry[1], "")),
            sum(match.weight[1] for _, match in entry[0][1]),
        ),
    )
    found = _translation(language, matches, _left_english(language, said, matches, is_english))
    if found is None or known < english or (known == english and intent.isascii()):
        return None
    return found


def folded(text: str) -> str:
    """Lower case, without accents."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", plain)))


def _known(language: str, said: list[str]) -> tuple[int, list[tuple[int, _Entry]]]:
    """How many words of an intent are known in a language, and what they say, by their places."""
    matches = list(_matches(language, said))
    small = _function_words()[language]
    return sum(len(entry.parts) for _, entry in matches) + sum(word in small for word in said), matches


def _matches(language: str, said: list[str]) -> Iterator[tuple[int, _Entry]]:
    """What is said, the longest phrases first; each word counts once."""
    used: set[int] = set()
    candidates = []
    for at, word in enumerate(said):
        for entry in _entries(language).get(word[:2], ()):
            places = _places(entry.parts, said, at, GAP.get(language, USUAL_GAP))
            if places:
                candidates.append((entry.weight, -at, places, entry))
    for _, at, places, entry in sorted(candidates, key=lambda each: each[:2], reverse=True):
        if used.isdisjoint(places):
            used.update(places)
            yield -at, entry


def _places(parts: tuple[str, ...], said: list[str], at: int, gap: int) -> list[int]:
    """Where the parts of a phrase stand, the first one at a place; [] where they do not."""
    places = []
    for number, part in enumerate(parts):
        ahead = range(at, min(len(said), at + (1 if number == 0 else gap + 1)))
        found = next((place for place in ahead if _begins(said[place], part)), None)
        if found is None:
            return []
        places.append(found)
        at = found + 1
    return places


def _begins(word: str, part: str) -> bool:
    """Whether a word is a form of one that begins so. Short beginnings take short endings only."""
    if not word.startswith(part):
        return False
    return len(part) > SHORT or len(word) <= len(part) + SHORT - 1 or word == part


def _of_unspaced(text: str) -> Translation | None:
    languages = ("ja",) if _KANA.search(text) else ("zh", "ja")
    for language in languages:
        found = _translation(language, list(_inside(language, text)))
        if found is not None:
            return found
    return None


def _inside(language: str, text: str) -> Iterator[tuple[int, _Entry]]:
    """What stands in a text without gaps, the longest first; each sign counts once."""
    left = text
    entries = [entry for group in _entries(language).values() for entry in group]
    for entry in sorted(entries, key=lambda each: each.weight, reverse=True):
        between = f"[^\n]{{0,{GAP_INSIDE}}}?"
        found = re.search(between.join(f"({re.escape(part)})" for part in entry.parts), left)
        if found is not None:
            for number in range(1, len(entry.parts) + 1):
                start, end = found.span(number)
                left = left[:start] + "\n" * (end - start) + left[end:]
            yield found.start(), entry


def _left_english(
    language: str, said: list[str], matches: list[tuple[int, _Entry]], is_english: Callable[[str], bool]
) -> list[str]:
    """English words that people mix in, as in `mute o canal`."""
    small = _function_words()[language]
    parts = [part for _, entry in matches for part in entry.parts]
    return [
        word
        for word in said
        if len(word) > SHORT and word not in small and is_english(word) and not any(_begins(word, p) for p in parts)
    ]


def _translation(
    language: str, matches: list[tuple[int, _Entry]], mixed_in: list[str] | None = None
) -> Translation | None:
    if not matches:
        return None
    said: dict[str, list[str]] = {"verbs": [], "nouns": [], "elsewhere": []}
    for _, entry in sorted(matches, key=lambda match: match[0]):
        if entry.english not in said[entry.kind]:
            said[entry.kind].append(entry.english)
    verbs, nouns, elsewhere = said["verbs"], said["nouns"], said["elsewhere"]
    if not _OF_CHAT.isdisjoint(nouns) and verbs:
        elsewhere = []
    english = " ".join([*elsewhere, *_acts(verbs, nouns), *(mixed_in or ()), *_subjects(verbs, nouns)])
    return Translation(language, english, bool(elsewhere))


def _acts(verbs: list[str], nouns: list[str]) -> list[str]:
    if not verbs:
        return ["list"] if not _STANDING.isdisjoint(nouns) else []
    if len(verbs) > 1 and "list" in verbs:
        # "A list of words" is no order to list anything.
        return [verb for verb in verbs if verb != "list"]
    return ["add members to a" if verb == "add" and nouns in (["channel"], ["user"]) else verb for verb in verbs]


def _subjects(verbs: list[str], nouns: list[str]) -> list[str]:
    if not _TO_PEOPLE.isdisjoint(verbs) and "channel" not in nouns and "user" not in nouns:
        return ["user", *nouns]
    if "create" in verbs and {"poll", "poll option"} <= set(nouns):
        return [noun for noun in nouns if noun != "poll option"]
    if {"list", "search"} & set(verbs):
        nouns = [f"{noun}s" if noun in _COUNTED else noun for noun in nouns]
    # Of whom, before of what: "members of the channel".
    return sorted(nouns, key=lambda noun: not noun.startswith("member"))


@cache
def _entries(language: str) -> dict[str, tuple[_Entry, ...]]:
    """The lexicon of a language by the first two letters of each entry."""
    column = list(_lexicon()["languages"]).index(language)
    found: dict[str, list[_Entry]] = {}
    for kind in ("verbs", "nouns", "elsewhere"):
        for english, columns in _lexicon()[kind].items():
            for phrase in columns[column]:
                text = folded(phrase)
                parts = tuple(text.split("*") if language in UNSPACED else _WORDS.findall(text))
                found.setdefault(parts[0][:2], []).append(_Entry(parts, english, kind))
    return {start: tuple(entries) for start, entries in found.items()}


@cache
def _function_words() -> dict[str, frozenset[str]]:
    return {language: frozenset(folded(words).split()) for language, words in _lexicon()["function_words"].items()}


@cache
def _lexicon() -> dict[str, Any]:
    file = files("framework.catalog") / "data" / "lexicon.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))
