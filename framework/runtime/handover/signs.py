"""What leads to a handover: the words of a person, the bot's own failures. Pure rules; mood has its own module."""

from __future__ import annotations

import re
from collections.abc import Sequence

from framework.runtime.core.language import own_words

WITHOUT_EVIDENCE = frozenset({"refused", "unsure"})
"""Outcomes of answers that did not help."""


# ---- phrases

_WORD = re.compile(r"\w+(?:['’]\w+)*")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SMALL = _listed(
    """a an the to with please just some me my can could i now and or of for your
    ein eine einen einem einer der die das dem den mit zu bitte mal kann ich jetzt
    un une le la les avec à s'il vous plaît je con el los las por favor"""
)
_REFUSALS = _listed("don't dont not never no doesn't didn't kein keinen keine nicht pas ne ninguna")
_WISHES = _listed("want need wish like have wanna will möchte brauche brauch muss veux besoin quiero necesito")
_BEFORE = 5  # words before a phrase in which it may be turned round


def asks_for_person(text: str, phrases: Sequence[str]) -> str | None:
    """The first of these phrases that stands in a text as whole words, whatever the case and the small words in it; not
    in code, nor in lines that quote others.
    """
    words = _words(own_words(text))
    for phrase in phrases:
        wanted = _words(phrase)
        place = _find(words, wanted)
        if place is not None and not _turned_round(words[max(0, place - _BEFORE) : place]):
            return phrase
        core = [word for word in wanted if word not in _SMALL]
        if len(core) < 2:
            continue
        kept = [word for word in words if word not in _SMALL]
        place = _find(kept, core)
        if place is not None and not _turned_round(kept[max(0, place - _BEFORE) : place]):
            return phrase
    return None


def _turned_round(before: Sequence[str]) -> bool:
    """`I don't want to`, `no need to`: said of what follows."""
    return any(word in _REFUSALS and bool(_WISHES & set(before[n + 1 :])) for n, word in enumerate(before))


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]


def _find(words: Sequence[str], wanted: Sequence[str]) -> int | None:
    size = len(wanted)
    return next((n for n in range(len(words) - size + 1) if size and list(words[n : n + size]) == list(wanted)), None)
