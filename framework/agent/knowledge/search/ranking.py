"""Which chunks answer a question: evidence of meaning and of words, weighed as learned from other companies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework.agent.knowledge.search.geometry import Geometry
from framework.agent.knowledge.search.index import PassageIndex, Scores, Term, matches
from framework.embedding.embedder import Vectors

FEATURES = (
    "meaning",  # the chunk's vector
    "meaning_unit",  # its best unit's vector
    "meaning_free",  # the same two, without the directions of languages
    "meaning_unit_free",
    "language_level",  # how near the question's nearest chunks in the chunk's language are
    "popular",  # how near the chunk is to questions at large
    "popular_unit",
    "words",  # the share of the question's words in the chunk and its headings
    "words_unit",  # in one unit and its headings
    "words_article",  # in the article
)
"""What each column of a `QuestionReading`'s features is."""


@dataclass(frozen=True)
class QuestionReading:
    """One text held against all chunks: its words, and features of shape (chunks, FEATURES)."""

    text: str
    language: str
    terms: Sequence[Term]
    features: Scores


class Ranker:
    """Features of texts over an index. Read-only once built, so safe in threads."""

    def __init__(self, index: PassageIndex, geometry: Geometry) -> None:
        self.index = index
        self.geometry = geometry
        self._centre = index.chunk_vectors.mean(axis=0)
        self._chunks_free = geometry.without_language(index.chunk_vectors, self._centre)
        self._units_free = geometry.without_language(index.unit_vectors, self._centre)
        self._popular = _near(geometry.support @ index.chunk_vectors.T)
        self._popular_unit = index.best_of_units(_near(geometry.support @ index.unit_vectors.T))

    def read(self, text: str, vector: Vectors, language: str) -> QuestionReading:
        """Hold a text against every chunk."""
        # BLAS kernels raise the processor's flag for invalid values over lanes that they do not use.
        with np.errstate(invalid="ignore"):
            return self._read(text, vector, language)

    def _read(self, text: str, vector: Vectors, language: str) -> QuestionReading:
        index = self.index
        free = self.geometry.without_language(vector, self.geometry.centre)
        meaning = index.chunk_vectors @ vector
        terms = index.weigh(text)
        weights = relative_weights(terms)
        in_path = matches(index.in_path, terms)
        in_unit = np.maximum(matches(index.in_unit, terms), in_path[index.unit_chunk])
        features = (
            meaning,
            index.best_of_units(index.unit_vectors @ vector),
            self._chunks_free @ free,
            index.best_of_units(self._units_free @ free),
            self._language_level(meaning),
            self._popular,
            self._popular_unit,
            np.maximum(in_path, matches(index.in_body, terms)) @ weights,
            index.best_of_units(in_unit @ weights),
            (matches(index.in_article, terms) @ weights)[index.chunk_article],
        )
        return QuestionReading(text, language, terms, np.stack(features, axis=1).astype(np.float32))

    def _language_level(self, meaning: Scores) -> Scores:
        level = np.zeros_like(meaning)
        for language in self.index.languages:
            members = self.index.chunk_language == language
            nearest = max(3, int(members.sum()) // 10)
            level[members] = np.sort(meaning[members])[-nearest:].mean()
        return level

    def nearest_free(self, vectors: Vectors) -> Scores:
        """For each vector, how near the nearest chunk is without the directions of languages."""
        free = self.geometry.without_language(vectors, self.geometry.centre)
        result: Scores = (free @ self._chunks_free.T).max(axis=1)
        return result

    def best_of_articles(self, scores: Scores) -> Scores:
        """For each chunk, the best score within its article."""
        best = np.full(len(self.index.files), -np.inf, dtype=np.float32)
        np.maximum.at(best, self.index.chunk_article, scores.astype(np.float32))
        result: Scores = best[self.index.chunk_article]
        return result


def relative_weights(terms: Sequence[Term]) -> Scores:
    """The words' weights as shares of one."""
    weights = np.array([weight for *_, weight in terms], dtype=np.float32)
    return weights / weights.sum() if weights.size and weights.sum() > 0 else weights


def _near(similarities: Scores) -> Scores:
    """The mean of the twenty highest similarities in each column."""
    result: Scores = np.sort(similarities, axis=0)[-20:].mean(axis=0)
    return result
