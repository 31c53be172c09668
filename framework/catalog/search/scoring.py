"""How well a document fits a query: weighted fields, the closest of its phrases, and pieces of words."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.catalog.search.text import trigrams

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    # Terms of a text with their weights: a word counts 1, a concept or a corrected word less.
    Terms = Mapping[str, float]

SATURATION = 1.0
LENGTH_SHARE = 0.05


@dataclass(frozen=True)
class SearchDocument:
    """What is indexed: terms by field, and each phrase by itself."""

    id: str
    fields: Mapping[str, Sequence[Terms]]
    phrases: Sequence[Terms]


@dataclass(frozen=True)
class SearchWeights:
    """How much each field, and each of the three measures, counts. Found on the development intents."""

    fields: Mapping[str, float] = field(
        default_factory=lambda: {
            "id": 1.2,
            "summary": 0.45,
            "phrases": 0.85,
            "situations": 0.15,
            "use_when": 0.35,
            "parameters": 0.15,
        }
    )
    words: float = 0.6
    phrase: float = 0.15
    pieces: float = 0.2


class OperationIndex:
    """Scores every document for a query, each score between 0 and about 1."""

    def __init__(self, documents: Sequence[SearchDocument], weights: SearchWeights) -> None:
        self._weights = weights
        self._ids = [document.id for document in documents]
        self._rarity = _rarities(documents)
        self._unseen = math.log(1 + len(documents))
        self._postings = self._post_fields(documents)
        self._phrase_owner: list[int] = []
        self._phrase_postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._post_phrases(documents)
        self._pieces: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._post_pieces(documents)

    @property
    def vocabulary(self) -> set[str]:
        """Every term that occurs in a document."""
        return set(self._rarity)

    def rarity(self, term: str) -> float:
        """How telling a term is: high for rare ones, highest for those never seen."""
        return self._rarity.get(term, self._unseen)

    def score(self, query: Terms) -> dict[str, float]:
        """Scores by document id; documents that share nothing with the query are left out."""
        total: dict[int, float] = defaultdict(float)
        for weight, scores in (
            (self._weights.words, self._by_words(query)),
            (self._weights.phrase, self._by_phrase(query)),
            (self._weights.pieces, self._by_pieces(query)),
        ):
            for number, score in scores.items():
                total[number] += weight * score
        return {self._ids[number]: score for number, score in total.items()}

    def _by_words(self, query: Terms) -> dict[int, float]:
        scores: dict[int, float] = defaultdict(float)
        ideal = 0.0
        for term, share in query.items():
            rarity = share * self.rarity(term)
            ideal += rarity
            for number, frequency in self._postings.get(term, ()):
                scores[number] += rarity * frequency / (SATURATION + frequency)
        return {number: score / ideal for number, score in scores.items()} if ideal else {}

    def _by_phrase(self, query: Terms) -> dict[int, float]:
        length = math.sqrt(sum((share * self.rarity(term)) ** 2 for term, share in query.items()))
        products: dict[int, float] = defaultdict(float)
        for term, share in query.items():
            rarity = share * self.rarity(term)
            for phrase, value in self._phrase_postings.get(term, ()):
                products[phrase] += rarity * value
        best: dict[int, float] = {}
        for phrase, product in products.items():
            owner = self._phrase_owner[phrase]
            best[owner] = max(best.get(owner, 0.0), product / length)
        return best

    def _by_pieces(self, query: Terms) -> dict[int, float]:
        pieces = _pieces_of(query.items())
        length = math.sqrt(sum(value * value for value in pieces.values())) or 1.0
        scores: dict[int, float] = defaultdict(float)
        for piece, value in pieces.items():
            for number, weight in self._pieces.get(piece, ()):
                scores[number] += value * weight / length
        return scores

    def _post_fields(self, documents: Sequence[SearchDocument]) -> dict[str, list[tuple[int, float]]]:
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        lengths = {name: _mean_length(documents, name) for name in self._weights.fields}
        for number, document in enumerate(documents):
            frequencies: Counter[str] = Counter()
            for name, weight in self._weights.fields.items():
                texts = document.fields.get(name, ())
                size = sum(len(terms) for terms in texts)
                damping = 1 - LENGTH_SHARE + LENGTH_SHARE * size / (lengths[name] or 1)
                for terms in texts:
                    for term, share in terms.items():
                        frequencies[term] += weight * share / damping  # type: ignore[assignment]  # counts are shares
            for term, frequency in frequencies.items():
                postings[term].append((number, frequency))
        return postings

    def _post_phrases(self, documents: Sequence[SearchDocument]) -> None:
        for number, document in enumerate(documents):
            for terms in document.phrases:
                values = {term: share * self.rarity(term) for term, share in terms.items()}
                length = math.sqrt(sum(value * value for value in values.values()))
                if length:
                    for term, value in values.items():
                        self._phrase_postings[term].append((len(self._phrase_owner), value / length))
                    self._phrase_owner.append(number)

    def _post_pieces(self, documents: Sequence[SearchDocument]) -> None:
        for number, document in enumerate(documents):
            merged: dict[str, float] = defaultdict(float)
            for terms in document.phrases:
                for term, share in terms.items():
                    merged[term] += share
            pieces = _pieces_of((term, math.sqrt(value) * self.rarity(term)) for term, value in merged.items())
            length = math.sqrt(sum(value * value for value in pieces.values())) or 1.0
            for piece, value in pieces.items():
                self._pieces[piece].append((number, value / length))


def _rarities(documents: Sequence[SearchDocument]) -> dict[str, float]:
    seen: Counter[str] = Counter()
    for document in documents:
        seen.update({term for texts in document.fields.values() for terms in texts for term in terms})
    return {term: math.log(1 + (len(documents) - count + 0.5) / (count + 0.5)) for term, count in seen.items()}


def _mean_length(documents: Sequence[SearchDocument], name: str) -> float:
    sizes = [sum(len(terms) for terms in document.fields.get(name, ())) for document in documents]
    return sum(sizes) / len(sizes) if sizes else 0.0


def _pieces_of(terms: Iterable[tuple[str, float]]) -> dict[str, float]:
    pieces: dict[str, float] = defaultdict(float)
    for term, share in terms:
        if term.isalpha():
            for piece in trigrams(term):
                pieces[piece] += share
    return pieces
