"""Reads what somebody wants promised, in eight languages, for a bot whose model calls no tools.

`wishes.json` has the phrases, without accents; `*` stands for up to some words. A message that looks like a wish and is
none costs an answer, so phrases are narrow: a question such as "can you remind people?" is none. Takes linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from framework.promises.when import LANGUAGES, LONGEST_TEXT, folded

WishKind = Literal["remind", "ask", "tell", "cancel", "list", "nevermind"]
"""What is wanted: a reminder; to be asked again; to be told of an event; to take promises back; to hear which there
are. `nevermind`: words that take a promise back right after it was made, and mean nothing elsewhere.
"""

_WORD = re.compile(r"[^\W_]+")
_GAP = 12
"""Words for which `*` may stand."""
_MOST_WORDS = 8
"""Of a message that is nothing but `nevermind`."""
_HOW = frozenset({"how", "wie", "como", "comment", "come", "hoe", "jak"})
Phrase = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Wish:
    """`kind`, and the `language` of the words that tell it."""

    kind: WishKind
    language: str


def read_wish(text: str, language: str) -> Wish | None:
    """Return what a message wants promised; None if it wants nothing of the kind.

    `language` is the message's, as far as it is known. The others are tried after it.
    """
    said = _WORD.findall(folded(text[:LONGEST_TEXT]))
    if not said:
        return None
    for one in dict.fromkeys([language, *LANGUAGES]):
        kind = _kind(said, _phrases().get(one, {}))
        if kind is not None:
            return Wish(kind, one)
    return None


def event_of(text: str, events: Mapping[str, Sequence[str]]) -> str:
    """Return the event whose words stand in a text; "" if none does, or several do. `events`: words by event."""
    said = _WORD.findall(folded(text[:LONGEST_TEXT]))
    found = [name for name, forms in events.items() if any(_stands(said, _split(form)) for form in forms)]
    return found[0] if len(found) == 1 else ""


def _kind(said: Sequence[str], phrases: Mapping[str, tuple[Phrase, ...]]) -> WishKind | None:
    def has(kind: str) -> bool:
        return any(_stands(said, phrase) for phrase in phrases.get(kind, ()))

    if said[0] in _HOW:
        return None  # "how do I set a reminder?" asks about something else
    if has("cancel") and not has("keep"):
        return "cancel"
    if has("list"):
        return "list"
    wanted: tuple[WishKind, ...] = ("ask", "remind", "tell")
    for kind in wanted:
        if has(kind):
            return kind
    return "nevermind" if len(said) <= _MOST_WORDS and has("nevermind") else None


@cache
def _phrases() -> Mapping[str, Mapping[str, tuple[Phrase, ...]]]:
    raw = json.loads(resources.files(__package__).joinpath("wishes.json").read_text(encoding="utf-8"))
    return {
        language: {kind: tuple(_split(phrase) for phrase in known) for kind, known in kinds.items()}
        for language, kinds in raw.items()
    }


def _split(phrase: str) -> Phrase:
    return tuple(tuple(_WORD.findall(folded(part))) for part in phrase.split("*"))


def _stands(said: Sequence[str], phrase: Phrase) -> bool:
    """Whether the parts of a phrase stand in a text, one after the other, with a gap between them at most."""
    ends: Iterable[int] = (0,)
    for number, part in enumerate(phrase):
        if not part:
            return False
        starts = range(len(said)) if number == 0 else sorted({at for end in ends for at in range(end, end + _GAP + 1)})
        ends = [at + len(part) for at in starts if tuple(said[at : at + len(part)]) == part]
        if not ends:
            return False
    return True
