"""How likely an operation is for the form of an intent, whatever it is about: a question, an undoing, many at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.catalog.search.mood import mood_of
from framework.catalog.search.text import STOPWORDS, stem, words
from framework.catalog.search.thesaurus import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation
    from framework.catalog.search.mood import Mood
    from framework.catalog.search.thesaurus import Thesaurus

MANY = "~bulk"
MOOD_FIT = 0.72
UNASKED_FIT = 0.8
RESTORED_FIT = 0.9
SINGLE_FIT = 0.93
NUMBER_FIT = 0.92
# What only the newer API has is for the dashboards of moderators; few ask for it.
RARE_FIT = 0.85
UNDOING = frozenset({"~delete", "~remove_from", "~undo", "~stop", "~unpin", "~nomore", "~turn_off"})
RESTORING = frozenset({"~undo", "~restore", "~unban", "~unhide", "~reactivate", "~nomore", "~turn_off"})
_ACTIONS = """
    create delete update rename get list query start stop send restore schedule postpone silence ban unban block report
    invite remove_from hide unhide pin unpin archive freeze slow seen unread deliver translate react vote reply remind
    export import upload deactivate reactivate turn_off turn_on allow promote demote revoke test watch approve reject
    press appeal undo shadow moderate
    """
ACTIONS = frozenset(MARK + action for action in _ACTIONS.split())
OPENING = 4
_LAST_WORD = re.compile(r"[A-Z][a-z]+|[A-Z]+")


@dataclass(frozen=True)
class IntentForm:
    """What an intent says about the kind of operation, apart from its subject."""

    mood: Mood
    undoes: bool
    restores: bool
    many: bool
    plurals: frozenset[str]
    singulars: frozenset[str]


class IntentForms:
    """Knows the kinds of a catalogue's operations."""

    def __init__(self, catalog: Catalog, thesaurus: Thesaurus) -> None:
        self._thesaurus = thesaurus
        self._operations = tuple(catalog)
        self.many = frozenset(operation.id for operation in catalog if _serves_many(operation.id, catalog))
        self._lifts = frozenset(operation.id for operation in catalog if _lifts(operation.id, catalog))
        self._nouns: dict[str, str] = {
            operation.id: _LAST_WORD.findall(operation.id)[-1].lower() for operation in catalog
        }

    def form(self, intent: str, query: Mapping[str, float], mood: Mood) -> IntentForm:
        """What the form of an intent is; `query` holds its terms."""
        said = words(intent)
        plurals = frozenset(stem(word) for word in said if _is_plural(word))
        singulars = frozenset(stem(word) for word in said if not _is_plural(word)) - plurals
        return IntentForm(
            mood,
            undoes=not UNDOING.isdisjoint(query),
            restores=not RESTORING.isdisjoint(query),
            many=MANY in query,
            plurals=plurals,
            singulars=singulars,
        )

    def mood(self, intent: str) -> Mood:
        """The mood; an order that does not begin with anything to do may be a question without its verb."""
        mood = mood_of(intent)
        opening = [stem(word) for word in words(intent)[:OPENING]]
        return "unclear" if mood == "act" and ACTIONS.isdisjoint(self._thesaurus.concepts(opening)) else mood

    def subject(self, operation_id: str) -> str:
        """What an operation is about, in a word: `campaign`."""
        return self._nouns[operation_id]

    def fits(self, form: IntentForm) -> dict[str, float]:
        """A factor for each operation, by its id."""
        return {operation.id: self._fit(operation, form) for operation in self._operations}

    def _fit(self, operation: Operation, form: IntentForm) -> float:
        """A question seldom means an operation that changes something, nor an order one that only reads; and what
        destroys, or lifts what was imposed, should be asked for in words of that kind.
        """
        fit = 1.0 if operation.v1 else RARE_FIT
        if form.mood != "unclear" and (form.mood == "ask") != operation.answers:
            fit *= MOOD_FIT
        if operation.effect == "destroys" and not form.undoes:
            fit *= UNASKED_FIT
        if operation.id in self._lifts and not form.restores:
            fit *= RESTORED_FIT
        if operation.id in self.many and not form.many:
            fit *= SINGLE_FIT
        if operation.answers and self._is_of_other_number(operation.id, form):
            fit *= NUMBER_FIT
        return fit

    def _is_of_other_number(self, name: str, form: IntentForm) -> bool:
        """Whether segments are asked for and one is shown, or the other way round."""
        noun = self._nouns[name]
        return stem(noun) in (form.singulars if _is_plural(noun) else form.plurals)


def _serves_many(name: str, catalog: Catalog) -> bool:
    """Whether an operation is the twin of another for many at once: `DeleteChannels` of `DeleteChannel`."""
    parts = words(name)
    return (name.endswith("s") and name[:-1] in catalog) or not {"batch", "bulk", "many"}.isdisjoint(parts)


def _lifts(name: str, catalog: Catalog) -> bool:
    """Whether an operation takes back another one: `UnblockUsers` what `BlockUsers` did."""
    return name.startswith("Un") and name[2].upper() + name[3:] in catalog


def _is_plural(word: str) -> bool:
    return word not in STOPWORDS and word.endswith("s") and stem(word) == stem(word[:-1])
