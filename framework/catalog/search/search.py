"""From an intent in plain words to the operations that fit, or to the answer that none does."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from framework.catalog.search.clauses import POLITE, about, clauses
from framework.catalog.search.form import ACTIONS, MANY, IntentForms
from framework.catalog.search.languages import translated
from framework.catalog.search.meaning import ELSEWHERE
from framework.catalog.search.scoring import OperationIndex, SearchDocument, SearchWeights
from framework.catalog.search.spelling import Spelling
from framework.catalog.search.text import STOPWORDS, stem, unquoted, words
from framework.catalog.search.thesaurus import Thesaurus
from framework.catalog.search.unsupported import read_unsupported_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation
    from framework.catalog.search.meaning import Meaning
    from framework.catalog.search.mood import Mood
    from framework.catalog.search.scoring import Terms

LISTING = ("~list", "~query")
LISTINGS = ("list", stem("query"))
CONCEPT_SHARE = 1.2
CORRECTED_SHARE = 0.7
UNKNOWN_SHARE = 0.05
UNNAMED_SHARE = 0.6
# "Our app" is in every sentence, and means the settings of the app in few.
VAGUE = frozenset({"app", "~app"})
VAGUE_SHARE = 0.5
SURE_ENOUGH = 0.5
THRESHOLD = 0.03
# Comparing meanings takes several times as long as comparing words, so it is done where words leave a doubt: the first
# two are this close, the lead over what lies elsewhere is this near to the threshold, or the best fits badly.
CLOSE = 0.08
NARROW = 0.08
WEAK = 0.45
MEANING_SHARE = 0.8
STEEPNESS = 0.15
FOREIGN = 0.4
# Who begins with the name of an operation most likely means it.
NAMED = 0.1
LONGEST_NAME = 6
LEAST_STEPS = 2
# Of a part of an intent, a guess is worth less than of a whole one: it may be a remark.
STEP_ENOUGH = 0.65


@dataclass(frozen=True)
class SearchHit:
    """An operation that may be meant. `score` is between 0 and 1, comparable between intents; 0.5 is just enough."""

    id: str
    score: float
    summary: str
    not_this: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchStep:
    """One of several things that an intent asks for, in its own words, and the operation that does it."""

    words: str
    hit: SearchHit


@dataclass(frozen=True)
class SearchResult:
    """What a search came to.

    `hits` are the nearest operations, best first, also where `status` says that none of them does what was asked;
    `reason` and `hint` then say why, and what to do instead. `steps` are the operations in order for an intent that
    asks for several things; they are the first of `hits`, too.
    """

    intent: str
    status: Literal["ok", "no_operation"]
    hits: tuple[SearchHit, ...]
    reason: str | None = None
    hint: str | None = None
    steps: tuple[SearchStep, ...] = ()

    def text(self) -> str:
        """The result for a person or a model to read: a line or two for each hit, five of them in under 1,000 tokens.

        Where there is no operation, only why and what to do instead.
        """
        if self.status == "no_operation":
            return f"No operation. {self.reason} {self.hint}"
        lines = [f"step {number}, {step.words}: {step.hit.id}" for number, step in enumerate(self.steps, 1)]
        for hit in self.hits:
            lines.append(f"{hit.id} ({hit.score:.2f}): {hit.summary}")
            if hit.not_this:
                lines.append("  not this: " + "; ".join(f"{other} {when}" for other, when in hit.not_this.items()))
        return "\n".join(lines)


@dataclass(frozen=True)
class _Ranking:
    """Operations with their scores, best first, and the best of what lies elsewhere."""

    ours: list[tuple[float, str]]
    elsewhere: float
    place: str | None

    @property
    def in_doubt(self) -> bool:
        """Whether another operation, or none, might as well be meant."""
        (first, _), (second, _) = (*self.ours[:2], (0.0, ""), (0.0, ""))[:2]
        lead = first - self.elsewhere - THRESHOLD
        return first - second < CLOSE or abs(lead) < NARROW or first < WEAK


class OperationSearch:
    """Searches a catalogue: by words, and by meaning where those leave a doubt. Building one takes a fraction of a
    second; keep it. Safe to use from several threads.
    """

    def __init__(
        self, catalog: Catalog, *, weights: SearchWeights | None = None, meaning: Callable[[], Meaning] | None = None
    ) -> None:
        """`meaning` opens what compares meanings; it is called once, by the first intent that words leave in doubt."""
        self._catalog = catalog
        self._meaning = cache(meaning) if meaning is not None else None
        self._thesaurus = Thesaurus.load()
        self._spellings: set[str] = set()
        self._fitting = IntentForms(catalog, self._thesaurus)
        # Backwards, so that of twins such as DeleteChannel and DeleteChannels the one for one of them is kept.
        self._names = {key: operation.id for operation in reversed(list(catalog)) for key in _keys(operation.id)}
        self._elsewhere = read_unsupported_topics()
        documents = [self._document(operation) for operation in catalog]
        documents += [self._foreign(name, entry.aliases) for name, entry in self._elsewhere.items()]
        self._index = OperationIndex(documents, weights or SearchWeights())
        self._known = self._index.vocabulary | self._thesaurus.vocabulary()
        self._spelling = Spelling(self._spellings | self._thesaurus.spellings)

    def warm(self) -> None:
        """Open what the first search might wait for."""
        if self._meaning is not None:
            self._meaning()

    def search(self, intent: str, limit: int = 5) -> SearchResult:
        """The operations that fit best, at most `limit`, or `no_operation`; in order where several are asked for."""
        whole = self._search(intent, limit)
        steps = self._steps(intent, whole)
        if len({step.hit.id for step in steps}) < LEAST_STEPS:
            return whole
        first = {step.hit.id: step.hit for step in steps}
        hits = [*first.values(), *(hit for hit in whole.hits if hit.id not in first)]
        return SearchResult(intent, "ok", tuple(hits[: max(limit, len(first))]), steps=steps)

    def _steps(self, intent: str, whole: SearchResult) -> tuple[SearchStep, ...]:
        """The operations that the parts of an intent mean, in order, as far as they are sure."""
        parts = clauses(intent, self._begins)
        if len(parts) < LEAST_STEPS:
            return ()
        steps: list[SearchStep] = []
        for part in parts:
            before = steps[-1].hit if steps else next(iter(whole.hits), None)
            subject = self._fitting.subject(before.id) if before is not None else ""
            found = self._search(about(part, subject), 1)
            if found.status == "ok" and found.hits[0].score >= STEP_ENOUGH:
                steps.append(SearchStep(part, found.hits[0]))
        return tuple(steps)

    def _begins(self, text: str) -> bool:
        """Whether a text begins with something to do."""
        translation = translated(text, self._is_english)
        if translation is not None:
            return not ACTIONS.isdisjoint(self._thesaurus.concepts([stem(w) for w in words(translation.english)]))
        opening = [stem(word) for word in words(text) if word not in POLITE][:1]
        return not ACTIONS.isdisjoint(self._thesaurus.concepts(opening))

    def _search(self, intent: str, limit: int) -> SearchResult:
        translation = translated(intent, self._is_english)
        text = intent if translation is None else translation.english
        understood = self._understood(text)
        mood = self._fitting.mood(text)
        query = self._query(understood, mood)
        fits = self._fitting.fits(self._fitting.form(text, query, mood))
        scores = self._score(query, understood)
        ranking = _rank(scores, fits)
        says_something = query or any(letter.isalpha() for letter in intent)
        if self._meaning is not None and says_something and (ranking.in_doubt or translation is not None):
            near = self._meaning().nearness(unquoted(intent))
            if translation is None and _is_foreign(understood):
                ranking = _rank(near, dict.fromkeys(fits, 1.0))
            else:
                ranking = _rank({name: scores.get(name, 0.0) + MEANING_SHARE * near[name] for name in near}, fits)
        hits = tuple(self._hit(name, _confidence(score - ranking.elsewhere)) for score, name in ranking.ours[:limit])
        if hits and hits[0].score >= SURE_ENOUGH:
            return SearchResult(intent, "ok", hits)
        foreign = translation is not None or _is_foreign(understood)
        reason, hint = self._why_not(
            None if foreign and not (translation and translation.is_elsewhere) else ranking.place
        )
        return SearchResult(intent, "no_operation", hits, reason, hint)

    def _score(self, query: Terms, understood: list[tuple[str, float]]) -> dict[str, float]:
        scores = self._index.score(query)
        named = self._named(understood)
        if named is not None:
            scores[named] = scores.get(named, 0.0) + NAMED
        return scores

    def _is_english(self, word: str) -> bool:
        return word in STOPWORDS or stem(word) in self._known

    def _why_not(self, place: str | None) -> tuple[str, str]:
        if place is None:
            return "Nothing here does that.", "Say it in other words, in English, or use another tool."
        entry = self._elsewhere[place.removeprefix(ELSEWHERE)]
        return entry.reason, entry.hint

    def _hit(self, name: str, confidence: float) -> SearchHit:
        profile = self._catalog.operation(name).profile
        return SearchHit(name, round(confidence, 4), profile.summary, profile.not_this)

    def _understood(self, intent: str) -> list[tuple[str, float]]:
        """Stems of an intent's words as far as they are known, typos corrected, each with how much it counts."""
        understood = []
        for word in self._parts(words(intent)):
            known, share = stem(word), 0.0 if word in STOPWORDS else 1.0
            if share and known not in self._known:
                corrected = self._spelling.correct(word)
                known, share = (stem(corrected), CORRECTED_SHARE) if corrected else (known, UNKNOWN_SHARE)
            understood.append((known, share))
        return understood

    def _named(self, understood: list[tuple[str, float]]) -> str | None:
        """The operation whose name an intent begins with: "delete push provider apn-prod"."""
        said = [known for known, share in understood if share]
        keys = ("".join(said[:length]) for length in range(min(len(said), LONGEST_NAME), 1, -1))
        return next((self._names[key] for key in keys if key in self._names), None)

    def _query(self, understood: list[tuple[str, float]], mood: Mood) -> dict[str, float]:
        terms: dict[str, float] = {}
        for known, share in understood:
            if share:
                terms[known] = max(terms.get(known, 0.0), share)
        sequence = [known for known, _ in understood]
        for concept in self._thesaurus.concepts(sequence):
            terms[concept] = CONCEPT_SHARE
        if mood != "ask":
            # "Get her into the room" gets nothing.
            terms.pop("get", None)
            terms.pop("~get", None)
            if ACTIONS.isdisjoint(terms) and not self._known.isdisjoint(terms):
                # An order by a verb that nobody listed: "tighten", "spruce up". Most of those are changes.
                terms["~update"] = UNNAMED_SHARE
        for vague in VAGUE & terms.keys():
            terms[vague] *= VAGUE_SHARE
        if "~list" in terms:
            # The concept says enough; the word would favour the few ids that hold it.
            terms.pop("list", None)
        return terms

    def _parts(self, sequence: list[str]) -> Iterator[str]:
        """Words joined by a hyphen are taken apart where every part is known; else they are a name."""
        for word in sequence:
            parts = word.split("-")
            if all(stem(part) in self._known or part in STOPWORDS for part in parts) or len(parts) == 1:
                yield from parts

    def _terms(self, text: str) -> dict[str, float]:
        sequence = [part for word in words(text) for part in word.split("-")]
        self._spellings.update(sequence)
        terms = {stem(word): 1.0 for word in sequence if word not in STOPWORDS}
        terms.update(dict.fromkeys(self._thesaurus.concepts([stem(word) for word in sequence]), CONCEPT_SHARE))
        return terms

    def _document(self, operation: Operation) -> SearchDocument:
        profile = operation.profile
        name = self._terms(operation.id)
        if operation.id in self._fitting.many:
            name[MANY] = CONCEPT_SHARE
        if operation.id.startswith(("Query", "List")):
            # The service calls the same thing a query here and a list there.
            name |= dict.fromkeys(LISTING, CONCEPT_SHARE)
        phrases = [self._terms(phrase) for phrase in profile.phrases]
        situations = [self._terms(text) for text in profile.situations]
        summary = self._terms(profile.summary)
        fields = {
            "id": [name],
            "summary": [summary],
            "phrases": phrases,
            "situations": situations,
            "use_when": [self._terms(profile.use_when)],
            "parameters": [self._terms(parameter.name.replace("_", " ")) for parameter in operation.parameters],
        }
        return SearchDocument(operation.id, fields, [name, summary, *phrases, *situations])

    def _foreign(self, name: str, aliases: list[str]) -> SearchDocument:
        phrases = [self._terms(alias) for alias in aliases]
        return SearchDocument(ELSEWHERE + name, {"phrases": phrases}, phrases)


def _rank(scores: Mapping[str, float], fits: Mapping[str, float]) -> _Ranking:
    ours = [(score * fits[name], name) for name, score in scores.items() if name in fits]
    # Ties are rare; the id makes their order the same on every machine.
    ours.sort(key=lambda entry: (-entry[0], entry[1]))
    elsewhere, place = max(((score, name) for name, score in scores.items() if name not in fits), default=(0.0, ""))
    return _Ranking(ours, elsewhere, place or None)


def _is_foreign(understood: list[tuple[str, float]]) -> bool:
    """Whether an intent is in another language: then the few words that look known mislead, and so does its form."""
    unknown = sum(share == UNKNOWN_SHARE for _, share in understood)
    return unknown >= FOREIGN * len(understood)


def _keys(name: str) -> Iterator[str]:
    """An operation's name as people may say it, without gaps: the service calls the same thing a query or a list."""
    parts = [stem(word) for word in words(name)]
    if len(parts) > 1:
        for verb in LISTINGS if parts[0] in LISTINGS else parts[:1]:
            yield "".join([verb, *parts[1:]])


def _confidence(margin: float) -> float:
    """How far an operation leads over what lies elsewhere, as a number between 0 and 1 that is 0.5 at THRESHOLD."""
    return 1 / (1 + math.exp((THRESHOLD - margin) / STEEPNESS))
