"""The language that a person writes in, told from their last messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from framework.agent.embedded.smalltalk import spoken_in
from framework.agent.knowledge.search.languages import counts
from framework.agent.spoken.letters import places

LANGUAGES: Final = ("en", "de", "es", "fr", "it", "pt", "nl", "pl")
"""What is told apart, by how many customers speak it: of a word that two of them share, the first one counts."""

_A_FUNCTION_WORD = 1.0
"""What a function word of a language adds to the logarithm of its odds."""

_ENOUGH = 0.6
"""The likelihood from which on a language is taken for the one of a text."""

_EVERYWHERE = frozenset(
    {"ok", "okay", "k", "hi", "hey", "super", "top", "bye", "stop", "cool", "lol", "haha", "wow", "hm"}
)
_SHARED = {"hallo": ("de", "nl"), "ja": ("de", "nl"), "no": ("en", "es", "it"), "ciao": ("it", "de")}

_MOST_MESSAGES = 5
_LONGEST = 400


def language_of(texts: Iterable[str], default: str) -> str:
    """Return the two letters of the language of a person's messages, the newest first; `default` if none of them tells.

    The newest message that tells decides. Of a greeting that several languages have, `default` is one of them, or
    what the messages before it are in. Takes 0.1 ms a message.
    """
    shared: tuple[str, ...] = ()
    for number, text in enumerate(texts):
        if number == _MOST_MESSAGES:
            break
        told = _languages_of(text[:_LONGEST])
        if len(told) == 1 and (not shared or told[0] in shared):
            return told[0]
        shared = shared or told
    return default if not shared or default in shared else shared[0]


@lru_cache(maxsize=4_096)
def _languages_of(text: str) -> tuple[str, ...]:
    """The languages that a text may be in; none if it does not tell."""
    alone = text.strip(" .!?,:)(").casefold()
    if alone in _EVERYWHERE or not any(sign.isalpha() for sign in alone):
        return ()
    if alone in _SHARED:
        return _SHARED[alone]
    if spoken := spoken_in(text):
        return tuple(language for language in LANGUAGES if language in spoken)
    words = counts(text)
    try:
        from framework.agent.spoken.odds import shares_of
    except ModuleNotFoundError as error:
        if error.name != "numpy":  # it comes with the extra `embedded`
            raise
        return _by_words(words)
    shares = shares_of(places(text), [_A_FUNCTION_WORD * words.get(language, 0) for language in LANGUAGES])
    best = max(range(len(LANGUAGES)), key=shares.__getitem__)
    return (LANGUAGES[best],) if shares[best] >= _ENOUGH else ()


def _by_words(words: Mapping[str, int]) -> tuple[str, ...]:
    """Without the model: the language of which a text has the most function words, if it is one."""
    most = max((words.get(language, 0) for language in LANGUAGES), default=0)
    found = tuple(language for language in LANGUAGES if words.get(language, 0) == most)
    return found if most and len(found) == 1 else ()
