"""From an intent in plain words to the operations that fit, or to the answer that none does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from framework.catalog.scoring import Document, Index, Weights
from framework.catalog.spelling import Spelling
from framework.catalog.text import STOPWORDS, stem, words
from framework.catalog.thesaurus import Thesaurus

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation

ELSEWHERE = "elsewhere:"
CONCEPT_SHARE = 0.6
CORRECTED_SHARE = 0.7


@dataclass(frozen=True)
class Hit:
    """An operation that may be meant. `score` is between 0 and 1, comparable between intents."""

    id: str
    score: float
    summary: str
    not_this: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchResult:
    """What a search came to.

    `hits` are the nearest operations, best first, also where `status` says that none of them does what was asked;
    `reason` and `hint` then say why, and what to do instead.
    """

    intent: str
    status: Literal["ok", "no_operation"]
    hits: tuple[Hit, ...]
    reason: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class Margins:
    """When there is no operation: the best is too weak, or what lies elsewhere fits better."""

    weakest: float = 0.2
    elsewhere: float = 0.0


class OperationSearch:
    """Searches a catalogue. Building one takes a fraction of a second; keep it."""

    def __init__(self, catalog: Catalog, *, weights: Weights | None = None, margins: Margins | None = None) -> None:
        self._catalog = catalog
        self._margins = margins or Margins()
        self._thesaurus = Thesaurus.load()
        self._elsewhere = _read_elsewhere()
        documents = [self._document(operation) for operation in catalog]
        documents += [self._foreign(name, entry["aliases"]) for name, entry in self._elsewhere.items()]
        self._index = Index(documents, weights or Weights())
        self._spelling = Spelling(self._index.vocabulary | self._thesaurus.vocabulary())

    def search(self, intent: str, limit: int = 5) -> SearchResult:
        """The operations that fit best, at most `limit`, or `no_operation`."""
        scores = self._index.score(self._query(intent))
        ours = sorted(((s, name) for name, s in scores.items() if not name.startswith(ELSEWHERE)), reverse=True)
        foreign = max(((s, name) for name, s in scores.items() if name.startswith(ELSEWHERE)), default=(0.0, ""))
        best = ours[0][0] if ours else 0.0
        hits = tuple(self._hit(name, score) for score, name in ours[:limit])
        if foreign[0] - best > self._margins.elsewhere:
            entry = self._elsewhere[foreign[1].removeprefix(ELSEWHERE)]
            return SearchResult(intent, "no_operation", hits, entry["reason"], entry["hint"])
        if best < self._margins.weakest:
            return SearchResult(
                intent, "no_operation", hits, "Nothing here does that.", "Say it in other words, or use another tool."
            )
        return SearchResult(intent, "ok", hits)

    def _hit(self, name: str, score: float) -> Hit:
        profile = self._catalog.operation(name).profile
        return Hit(name, round(score, 4), profile.summary, profile.not_this)

    def _query(self, intent: str) -> dict[str, float]:
        sequence = []
        terms: dict[str, float] = {}
        for word in words(intent):
            known = stem(word)
            share = 1.0
            if word not in STOPWORDS:
                corrected = self._spelling.correct(known)
                if corrected:
                    known, share = corrected, CORRECTED_SHARE
                terms[known] = max(terms.get(known, 0.0), share)
            sequence.append(known)
        for concept in self._thesaurus.concepts(sequence):
            terms[concept] = CONCEPT_SHARE
        return terms

    def _terms(self, text: str) -> dict[str, float]:
        sequence = words(text)
        terms = {stem(word): 1.0 for word in sequence if word not in STOPWORDS}
        terms.update(dict.fromkeys(self._thesaurus.concepts([stem(word) for word in sequence]), CONCEPT_SHARE))
        return terms

    def _document(self, operation: Operation) -> Document:
        profile = operation.profile
        name = self._terms(operation.id)
        phrases = [self._terms(phrase) for phrase in profile.phrases]
        summary = self._terms(profile.summary)
        fields = {
            "id": [name],
            "summary": [summary],
            "phrases": phrases,
            "use_when": [self._terms(profile.use_when)],
            "parameters": [self._terms(parameter.name.replace("_", " ")) for parameter in operation.parameters],
        }
        return Document(operation.id, fields, [name, summary, *phrases])

    def _foreign(self, name: str, aliases: list[str]) -> Document:
        phrases = [self._terms(alias) for alias in aliases]
        return Document(ELSEWHERE + name, {"phrases": phrases}, phrases)


def _read_elsewhere() -> dict[str, dict[str, list[str]]]:
    file = files("framework.catalog") / "data" / "not_here.json"
    entries: dict[str, dict[str, list[str]]] = json.loads(file.read_text(encoding="utf-8"))
    return entries
