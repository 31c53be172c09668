"""Reads a `moderation.yaml` beside a bot.yaml, with the lists of words that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from framework.definition.loader import BOT_FILE
from framework.definition.reading.positions import YamlDocument, read_yaml
from framework.definition.reading.problems import explain
from framework.errors import DefinitionError, Position
from framework.moderation.guard import Guard
from framework.moderation.rules.conditions import terms_of
from framework.moderation.rules.model import Moderation, When
from framework.moderation.words import Term, read_terms
from framework.moderation.words.term import Kind, TermError, checked

FILE = "moderation.yaml"
MOST_IN_LIST = 10_000
"""Terms of one file, as many as a blocklist of Stream's may have."""
_LISTS = (".txt", ".yaml", ".yml", ".json")


@dataclass(frozen=True)
class ModerationFile:
    """A moderation.yaml that was read: its rules, what each looks for, and where each stands."""

    path: Path
    moderation: Moderation
    terms: Mapping[str, Sequence[Term]]
    where: Mapping[str, Position]
    channels_at: Position | None = None
    """Where the patterns of channels stand."""

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of Stream's blocklists that its rules use."""
        return tuple(dict.fromkeys(name for rule in self.moderation.rules for name in rule.when.stream_list))

    def guard(
        self,
        bot: str,
        *,
        now: Callable[[], datetime],
        channels: Sequence[str] = (),
        lists: Mapping[str, Sequence[str]] | None = None,
    ) -> Guard:
        """The rules, ready to judge. `channels` are the bot's patterns; `lists` the words of Stream's blocklists."""
        terms = {
            rule.name: [*self.terms[rule.name], *_of_lists(rule.when, lists or {})] for rule in self.moderation.rules
        }
        return Guard.of(
            bot, self.moderation, terms, now=now, channels=channels, where=self.where, channels_at=self.channels_at
        )


def read_moderation(folder: Path) -> ModerationFile | None:
    """The moderation.yaml of a bot's folder, or None if it has none.

    Raises DefinitionError with file and line for all that is wrong in it.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    document = read_yaml(path)
    try:
        moderation = Moderation.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        raise explain(error, document, Moderation) from None
    terms: dict[str, Sequence[Term]] = {}
    where: dict[str, Position] = {}
    for number, rule in enumerate(moderation.rules):
        terms[rule.name] = terms_of(rule.when, _words(rule.when, folder, document, number))
        where[rule.name] = document.position(("rules", number))
    named = document.position(("channels",)) if moderation.channels else Position(folder / BOT_FILE)
    return ModerationFile(path, moderation, terms, where, named)


def _words(when: When, folder: Path, document: YamlDocument, number: int) -> list[Term]:
    found: list[Term] = []
    for place, word in enumerate(when.words):
        found += _word(word, folder, document.position(("rules", number, "when", "words", place)))
    for place, name in enumerate(when.domains):
        _checked(Term(name, Kind.DOMAIN), document.position(("rules", number, "when", "domains", place)))
    return found


def _word(word: str, folder: Path, where: Position) -> list[Term]:
    """The term that a word is, or those of the file that it names."""
    if not word.lower().endswith(_LISTS):
        return [_checked(Term(word, Kind.PHRASE if " " in word.strip() else Kind.WORD), where)]
    if not (folder / word).is_file():
        raise DefinitionError(f"there is no file {word}", where=where, hint=f"Put it into {folder}.")
    return read_terms(folder / word, most=MOST_IN_LIST)


def _checked(term: Term, where: Position) -> Term:
    try:
        return checked(term, where)
    except TermError as error:
        raise DefinitionError(error.what, where=where, hint=error.hint) from None


def _of_lists(when: When, lists: Mapping[str, Sequence[str]]) -> list[Term]:
    words = [word for name in when.stream_list for word in lists.get(name, ())]
    return terms_of(when.model_copy(update={"domains": ()}), [_listed(word) for word in words])


def _listed(word: str) -> Term:
    """A word of a blocklist of Stream's, which also lists domains."""
    if " " in word:
        return Term(word, Kind.PHRASE)
    return Term(word, Kind.DOMAIN if "." in word.strip(".") else Kind.WORD)
