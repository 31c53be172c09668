"""How far a ranking may be trusted: what tells an answer from a near miss, measured against the base itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.agent.knowledge.search.index import Scores, Term, matches
from framework.agent.knowledge.search.names import Families, names_in
from framework.agent.knowledge.search.ranking import FEATURES, QuestionReading, Ranker, relative_weights
from framework.agent.knowledge.search.words import ALIKE, countries, terms

SIGNALS = (
    "first",  # the first chunk's share of belief among all chunks
    "first_two",
    "article",  # its article's share
    "margin",  # lead over the second chunk
    "margin_article",  # lead over the next article
    "meaning",  # the first chunk's features
    "meaning_unit",
    "meaning_free",
    "meaning_unit_free",
    "above_foreign",  # how far its meaning is above that of questions that no company answers, in their deviations
    "above_foreign_free",
    "words",
    "words_unit",
    "words_article",
    "words_base",  # the share of the question's words that the base knows
    "unknown_names",  # names the base does not know
    "missing_names",  # names the base knows, but not this article
    "missing_country",  # a country that the chunk does not name, though it names others
    "same_language",
    "length",  # how many words of content the question has
    "agreement",  # how many of three features put this chunk first
)
_FEATURE = {name: number for number, name in enumerate(FEATURES)}
_KNOWN = 0.75
"""Likeness from which on a word counts as the same."""


@dataclass(frozen=True)
class SearchBackground:
    """How near the questions that no company answers come to this base."""

    mean: float
    deviation: float
    mean_free: float
    deviation_free: float
    by_language: dict[str, float]


class EvidenceJudge:
    """Signals about rankings over one base. Read-only once built, so safe in threads."""

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker
        index = ranker.index
        self._families = Families(f"{chunk.path} . {chunk.quote}" for chunk in index.chunks)
        self._background = _measure(ranker)
        self._countries = {word: number for word, number in index.vocabulary.ids.items() if word.startswith("@")}

    def signals(self, reading: QuestionReading, scores: Scores) -> NDArray[np.float64]:
        """One value for each of SIGNALS, about the first chunk of a ranking."""
        index, back = self._ranker.index, self._background
        order = np.argsort(-scores)
        first, article = int(order[0]), int(index.chunk_article[order[0]])
        belief = np.exp(scores - scores.max())
        belief = belief / belief.sum()
        here = index.chunk_article == article
        lead_article = float(scores[first] - scores[~here].max()) if not here.all() else 6.0
        features = reading.features[first]
        meaning, free = features[_FEATURE["meaning"]], features[_FEATURE["meaning_free"]]
        known = np.array([max(alike.values(), default=0.0) for _, alike, _ in reading.terms], dtype=np.float32)
        unknown, missing = self._names(reading, known, first, article)
        return np.array(
            [
                belief[first],
                belief[order[:2]].sum(),
                belief[here].sum(),
                min(float(scores[first] - scores[order[1]]) if len(order) > 1 else 6.0, 6.0),
                min(lead_article, 6.0),
                *(features[_FEATURE[name]] for name in SIGNALS[5:9]),
                (meaning - back.by_language.get(reading.language, back.mean)) / back.deviation,
                (free - back.mean_free) / back.deviation_free,
                *(features[_FEATURE[name]] for name in SIGNALS[11:14]),
                float(relative_weights(reading.terms) @ known) if len(known) else 0.0,
                min(unknown, 2),
                min(missing, 2),
                self._missing_country(reading.text, first, article),
                float(index.chunk_language[first] == reading.language),
                min(len(reading.terms), 8),
                sum(
                    int(np.argmax(reading.features[:, _FEATURE[name]])) == first
                    for name in ("meaning", "meaning_free", "words_unit")
                ),
            ],
            dtype=np.float64,
        )

    def lacks_name(self, reading: QuestionReading, first: int) -> bool:
        """Whether the question is about a variant, a code or a country that the articles demonstrably do not have."""
        article = int(self._ranker.index.chunk_article[first])
        return self._families.lacks(reading.text) or self._missing_country(reading.text, first, article) >= 1.0

    def _names(self, reading: QuestionReading, known: Scores, first: int, article: int) -> tuple[int, int]:
        index = self._ranker.index
        names = names_in(reading.text, reading.language)
        asked: Sequence[Term] = [term for term in reading.terms if term[0] in names]
        if not asked:
            return 0, 0
        in_base = np.array([max(alike.values(), default=0.0) for _, alike, _ in asked])
        in_article = matches(index.in_article, asked)[article]
        unknown = in_base < ALIKE
        return int(unknown.sum()), int((~unknown & (in_article < _KNOWN)).sum())

    def _missing_country(self, text: str, first: int, article: int) -> float:
        asked = countries(terms(text))
        if not asked:
            return 0.0
        index = self._ranker.index
        here = {name for name, number in self._countries.items() if index.in_chunk.has(first, number)}
        if asked & here:
            return 0.0
        around = {name for name, number in self._countries.items() if index.in_article.has(article, number)}
        return 1.0 if len(here) >= 2 and not asked & around else 0.5


def _measure(ranker: Ranker) -> SearchBackground:
    geometry, index = ranker.geometry, ranker.index
    nearest = (geometry.foreign @ index.chunk_vectors.T).max(axis=1)
    free = ranker.nearest_free(geometry.foreign)
    languages = np.array(geometry.foreign_languages)
    return SearchBackground(
        float(nearest.mean()),
        float(nearest.std()) + 1e-3,
        float(free.mean()),
        float(free.std()) + 1e-3,
        {name: float(nearest[languages == name].mean()) for name in dict.fromkeys(geometry.foreign_languages)},
    )
