"""What the rules of bots want from the chat service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from framework.moderation.files import ModerationFile
from framework.moderation.rules.model import Rule
from framework.moderation.rules.outcome import Outcome
from framework.moderation.words import Kind, Term

BEHAVIORS = ("flag", "shadow_block", "block")
"""What a channel type does with a hit of a blocklist, the strongest last."""
_BEHAVIOR = {Outcome.REJECT: "block", Outcome.HOLD: "flag", Outcome.SHADOW: "shadow_block", Outcome.FLAG: "flag"}


@dataclass(frozen=True)
class GuardedRules:
    """The rules of one bot, and the patterns of channels that it guards."""

    bot: str
    file: ModerationFile
    channels: Sequence[str]

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules, from the top."""
        return self.file.moderation.rules

    def place(self, rule: Rule) -> str:
        """Where a rule stands."""
        return str(self.file.where[rule.name])

    def types_of(self, rule: Rule, types: Iterable[str]) -> Iterator[tuple[str, bool]]:
        """The channel types that a rule concerns, and whether it concerns all channels of each."""
        for name in types:
            touched = [_reach(pattern, name) for pattern in self.channels]
            if rule.in_:
                touched = [min(outer, inner) for outer in touched for inner in (_reach(one, name) for one in rule.in_)]
            if reach := max(touched, default=0):
                yield name, reach == _WHOLE


@dataclass(frozen=True)
class WantedList:
    """A blocklist of Stream's with the terms that rules want in it."""

    name: str
    words: tuple[str, ...]
    kind: str
    places: tuple[str, ...]


_PART, _WHOLE = 1, 2


def _reach(pattern: str, type_: str) -> int:
    """How much of a channel type a pattern covers: nothing, a part, or all of it."""
    kind, colon, id_ = pattern.partition(":")
    if not fnmatchcase(type_, kind):
        return 0
    return _WHOLE if (id_ == "*" or (not colon and kind.endswith("*"))) else _PART


def behavior_of(rule: Rule) -> str:
    """What a channel type does where a blocklist of the rule hits; "" if the service cannot do what the rule does."""
    return _BEHAVIOR.get(rule.do.outcome, "")


def lists_of(guards: Sequence[GuardedRules]) -> dict[str, WantedList]:
    """The blocklists that rules name, with the words and domains of those rules."""
    found: dict[str, WantedList] = {}
    for guard in guards:
        for rule in guard.rules:
            terms = guard.file.terms[rule.name]
            for name in rule.when.stream_list:
                before = found.get(name)
                words = dict.fromkeys([*(before.words if before else ()), *(one.text for one in terms)])
                kind = _kind([*([before.kind] if before else []), *map(_kind_of, terms)])
                places = (*(before.places if before else ()), guard.place(rule))
                found[name] = WantedList(name, tuple(words), kind, places)
    return found


def _kind_of(term: Term) -> str:
    return "domain" if term.kind is Kind.DOMAIN else "word"


def _kind(kinds: Sequence[str]) -> str:
    """A list holds one kind: words also hold domains, but domains hold no words."""
    return "domain" if set(kinds) == {"domain"} else "word"
