"""From an intent in plain words to the operations that fit, or to the answer that none does."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from framework.catalog.mood import Mood, mood_of
from framework.catalog.scoring import Document, Index, Weights
from framework.catalog.spelling import Spelling
from framework.catalog.text import STOPWORDS, stem, words
from framework.catalog.thesaurus import MARK, Thesaurus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation

ELSEWHERE = "elsewhere:"
MANY = "~bulk"
LISTING = ("~list", "~query")
CONCEPT_SHARE = 1.2
CORRECTED_SHARE = 0.7
UNKNOWN_SHARE = 0.05
MOOD_FIT = 0.72
UNASKED_FIT = 0.8
SINGLE_FIT = 0.93
UNDOING = frozenset({"~delete", "~remove_from", "~undo", "~stop", "~unpin", "~nomore", "~turn_off"})
_ACTIONS = """
    create delete update rename get list query start stop send restore schedule postpone silence ban unban block report
    invite remove_from hide unhide pin unpin archive freeze slow seen unread deliver translate react vote reply remind
    export import upload deactivate reactivate turn_off turn_on allow promote demote revoke test watch approve reject
    press appeal undo shadow moderate
    """
ACTIONS = frozenset(MARK + action for action in _ACTIONS.split())
OPENING = 4
UNNAMED_SHARE = 0.6
# "Our app" is in every sentence, and means the settings of the app in few.
VAGUE = frozenset({"app", "~app"})
VAGUE_SHARE = 0.5
SURE_ENOUGH = 0.5
THRESHOLD = 0.01
STEEPNESS = 0.15
# What only the newer API has is for the dashboards of moderators; few ask for it.
RARE_FIT = 0.85


@dataclass(frozen=True)
class Hit:
    """An operation that may be meant. `score` is between 0 and 1, comparable between intents; 0.5 is just enough."""

    id: str
    score: float
    summary: str
    not_this: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Elsewhere:
    """A subject that no operation serves, and how people ask for it."""

    reason: str
    hint: str
    aliases: list[str]


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

    def text(self) -> str:
        """The result for a person or a model to read: a line or two for each hit, five of them in under 1,000 tokens.

        Where there is no operation, only why and what to do instead.
        """
        if self.status == "no_operation":
            return f"No operation. {self.reason} {self.hint}"
        lines = []
        for hit in self.hits:
            lines.append(f"{hit.id} ({hit.score:.2f}): {hit.summary}")
            if hit.not_this:
                lines.append("  not this: " + "; ".join(f"{other} {when}" for other, when in hit.not_this.items()))
        return "\n".join(lines)


class OperationSearch:
    """Searches a catalogue. Building one takes a fraction of a second; keep it."""

    def __init__(self, catalog: Catalog, *, weights: Weights | None = None) -> None:
        self._catalog = catalog
        self._thesaurus = Thesaurus.load()
        self._spellings: set[str] = set()
        self._many = frozenset(operation.id for operation in catalog if _serves_many(operation.id, catalog))
        self._elsewhere = _read_elsewhere()
        documents = [self._document(operation) for operation in catalog]
        documents += [self._foreign(name, entry.aliases) for name, entry in self._elsewhere.items()]
        self._index = Index(documents, weights or Weights())
        self._known = self._index.vocabulary | self._thesaurus.vocabulary()
        self._spelling = Spelling(self._spellings | self._thesaurus.spellings)

    def search(self, intent: str, limit: int = 5) -> SearchResult:
        """The operations that fit best, at most `limit`, or `no_operation`."""
        mood = self._mood(intent)
        query = self._query(intent, mood)
        scores = self._index.score(query)
        undoes, many = not UNDOING.isdisjoint(query), MANY in query
        ours: list[tuple[float, str]] = []
        elsewhere, place = 0.0, ""
        for name, score in scores.items():
            if name.startswith(ELSEWHERE):
                elsewhere, place = max((elsewhere, place), (score, name))
            else:
                fit = _fit(self._catalog.operation(name), mood, undoes=undoes)
                if name in self._many and not many:
                    fit *= SINGLE_FIT
                ours.append((score * fit, name))
        # Ties are rare; the id makes their order the same on every machine.
        ours.sort(key=lambda entry: (-entry[0], entry[1]))
        hits = tuple(self._hit(name, _confidence(score - elsewhere)) for score, name in ours[:limit])
        if hits and hits[0].score >= SURE_ENOUGH:
            return SearchResult(intent, "ok", hits)
        reason, hint = self._why_not(place if elsewhere else None)
        return SearchResult(intent, "no_operation", hits, reason, hint)

    def _why_not(self, place: str | None) -> tuple[str, str]:
        if place is None:
            return "Nothing here does that.", "Say it in other words, or use another tool."
        entry = self._elsewhere[place.removeprefix(ELSEWHERE)]
        return entry.reason, entry.hint

    def _hit(self, name: str, confidence: float) -> Hit:
        profile = self._catalog.operation(name).profile
        return Hit(name, round(confidence, 4), profile.summary, profile.not_this)

    def _mood(self, intent: str) -> Mood:
        """The mood; an order that does not begin with anything to do may be a question without its verb."""
        mood = mood_of(intent)
        opening = [stem(word) for word in words(intent)[:OPENING]]
        return "unclear" if mood == "act" and ACTIONS.isdisjoint(self._thesaurus.concepts(opening)) else mood

    def _query(self, intent: str, mood: Mood) -> dict[str, float]:
        sequence = []
        terms: dict[str, float] = {}
        for word in self._parts(words(intent)):
            known = stem(word)
            share = 1.0
            if word not in STOPWORDS:
                if known not in self._known:
                    corrected = self._spelling.correct(word)
                    known, share = (stem(corrected), CORRECTED_SHARE) if corrected else (known, UNKNOWN_SHARE)
                terms[known] = max(terms.get(known, 0.0), share)
            sequence.append(known)
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

    def _document(self, operation: Operation) -> Document:
        profile = operation.profile
        name = self._terms(operation.id)
        if operation.id in self._many:
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
        return Document(operation.id, fields, [name, summary, *phrases, *situations])

    def _foreign(self, name: str, aliases: list[str]) -> Document:
        phrases = [self._terms(alias) for alias in aliases]
        return Document(ELSEWHERE + name, {"phrases": phrases}, phrases)


def _serves_many(name: str, catalog: Catalog) -> bool:
    """Whether an operation is the twin of another for many at once: `DeleteChannels` of `DeleteChannel`."""
    parts = words(name)
    return (name.endswith("s") and name[:-1] in catalog) or not {"batch", "bulk", "many"}.isdisjoint(parts)


def _fit(operation: Operation, mood: Mood, *, undoes: bool) -> float:
    """How likely an operation of this effect is for an intent in this mood.

    A question seldom means an operation that changes something, nor an order one that only reads; and what destroys
    should be asked for in words of that kind.
    """
    fit = 1.0 if operation.v1 else RARE_FIT
    if mood != "unclear" and (mood == "ask") != (operation.effect == "reads"):
        fit *= MOOD_FIT
    if operation.effect == "destroys" and not undoes:
        fit *= UNASKED_FIT
    return fit


def _confidence(margin: float) -> float:
    """How far an operation leads over what lies elsewhere, as a number between 0 and 1 that is 0.5 at THRESHOLD."""
    return 1 / (1 + math.exp((THRESHOLD - margin) / STEEPNESS))


def _read_elsewhere() -> dict[str, Elsewhere]:
    file = files("framework.catalog") / "data" / "not_here.json"
    return {name: Elsewhere(**entry) for name, entry in json.loads(file.read_text(encoding="utf-8")).items()}
