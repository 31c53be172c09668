"""The language that a person writes in, told from their last messages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

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


@lru_cache(maxsize=256)
def _languages_of(text: str) -> tuple[str, ...]:
    """The languages that a text may be in; none if it does not tell."""
    alone = text.strip(" .!?,:)(").casefold()
    if alone in _EVERYWHERE or not any(sign.isalpha() for sign in alone):
        return ()
    if alone in _SHARED:
        return _SHARED[alone]
    if spoken := spoken_in(text):
        return tuple(language for language in LANGUAGES if language in spoken)
    found = places(text)
    slopes, offset = _weights()
    odds = slopes[found].sum(axis=0) / np.sqrt(len(found)) + offset
    words = counts(text)
    odds = odds + _A_FUNCTION_WORD * np.array([words.get(language, 0) for language in LANGUAGES])
    shares = np.exp(odds - odds.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    return (LANGUAGES[best],) if shares[best] >= _ENOUGH else ()


@cache
def _weights() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with (
        resources.as_file(resources.files(__package__).joinpath("weights.npz")) as file,
        np.load(file, allow_pickle=False) as kept,
    ):
        return kept["slopes"].astype(np.float64), kept["offset"].astype(np.float64)
