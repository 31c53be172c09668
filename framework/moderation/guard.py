"""Judges messages by the rules of one moderation.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from framework.errors import Position
from framework.moderation.message import Piece, Screened
from framework.moderation.rules.conditions import Condition, conditions_of, scored
from framework.moderation.rules.finding import Finding
from framework.moderation.rules.history import AuthorHistory
from framework.moderation.rules.model import Moderation, Rule
from framework.moderation.rules.outcome import Outcome
from framework.moderation.words import How, Term
from framework.personal_data import KINDS


@dataclass(frozen=True)
class Applied:
    """A rule that applies to a message: what it wants done, and what it found."""

    rule: Rule
    outcome: Outcome
    findings: tuple[Finding, ...]
    where: Position | None = None


@dataclass(frozen=True)
class GuardDecision:
    """What is done with a message. `applied` names every rule that applies, in the order of the file.

    `changed` are the pieces that get another text: masked or rewritten. `say` is what the author of a rejected message
    reads.
    """

    outcome: Outcome = Outcome.ALLOW
    applied: tuple[Applied, ...] = ()
    changed: tuple[Piece, ...] = ()
    say: str = ""

    @property
    def alerts(self) -> tuple[str, ...]:
        """The channels that are told."""
        return tuple(dict.fromkeys(one.rule.alert for one in self.applied if one.rule.alert))


@dataclass(frozen=True)
class _Ready:
    rule: Rule
    conditions: Sequence[Condition]
    where: Position | None
    scored: Condition | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts messages, which it can only once this one is counted."""
        return self.rule.when.messages is not None or self.rule.when.repeats is not None


@dataclass(frozen=True)
class Guard:
    """The rules of one bot, ready to judge. `phrase` is said to the author of a rejected message without words of the
    rule's own. Not safe to use from several threads: it remembers what authors wrote.
    """

    bot: str
    channels: tuple[str, ...]
    language: str
    phrase: str
    rules: Sequence[_Ready] = field(repr=False)
    history: AuthorHistory = field(repr=False)
    channels_at: Position | None = None

    @classmethod
    def of(
        cls,
        bot: str,
        moderation: Moderation,
        terms: Mapping[str, Sequence[Term]],
        *,
        now: Callable[[], datetime],
        channels: Sequence[str] = (),
        where: Mapping[str, Position] | None = None,
        channels_at: Position | None = None,
        phrase: str = "This message cannot be posted here.",
    ) -> Guard:
        """Make the rules ready. `terms` are what each rule looks for, by its name; `where` is where it stands."""
        history = AuthorHistory(
            lambda: now().timestamp(), compares=any(rule.when.repeats is not None for rule in moderation.rules)
        )
        ready = [
            _Ready(
                rule,
                conditions_of(rule.when, terms.get(rule.name, ()), history=history, now=now),
                (where or {}).get(rule.name),
                scored(rule.when.model, rule.when.above, late=rule.late == "reject") if rule.when.model else None,
            )
            for rule in moderation.rules
        ]
        patterns = tuple(moderation.channels or channels)
        return cls(bot, patterns, moderation.language, phrase, ready, history, channels_at)

    def everywhere(self) -> Guard:
        """The same rules, each holding in all channels. It shares their lists of words."""
        rules = [replace(one, rule=one.rule.model_copy(update={"in_": ()})) for one in self.rules]
        return replace(self, rules=rules)

    def covers(self, channel: str) -> str:
        """The pattern that covers the channel, the most specific one; "" if none does."""
        fitting = [pattern for pattern in self.channels if fnmatchcase(channel, pattern)]
        return max(fitting, key=specificity, default="")

    def kinds(self, message: Screened) -> tuple[str, ...]:
        """The kinds of text that a model has to be asked for before `judge`, so that it can set `scores`. Rules that
        cannot apply to the message for other reasons ask for none.
        """
        wanting = (one for one in self.rules if one.scored is not None and _concerns(one.rule, message))
        return tuple(
            dict.fromkeys(one.rule.when.model for one in wanting if one.counts or _found(one, message) is not None)
        )

    def names_of(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """The names of the rules that ask a model for one of these kinds."""
        return tuple(one.rule.name for one in self.rules if one.scored is not None and one.rule.when.model in kinds)

    def judge(self, message: Screened) -> GuardDecision:
        """Say what is done with a message. It counts for floods and repeats."""
        at = None if message.at is None else message.at.timestamp()
        self.history.add(message.channel, message.user_id, message.message_id, message.text, at)
        return self.decide(message)

    def decide(self, message: Screened) -> GuardDecision:
        """The same, without counting it."""
        applied = tuple(one for ready in self.rules if (one := _apply(ready, message)) is not None)
        if not applied:
            return GuardDecision()
        strongest = max((one.outcome for one in applied), key=lambda one: list(Outcome).index(one))
        changed = _changed(message, applied, strongest)
        say = self._said(applied, message.language) if strongest is Outcome.REJECT else ""
        return GuardDecision(strongest, applied, changed, say)

    def _said(self, applied: Sequence[Applied], language: str) -> str:
        said = next((one.rule.say for one in applied if one.outcome is Outcome.REJECT and one.rule.say), {})
        spoken = language.split("-", 1)[0]
        for wanted in (language, spoken, self.language, "", *said):
            if text := said.get(wanted):
                return text
        return self.phrase


def specificity(pattern: str) -> tuple[int, int]:
    """Of two patterns that cover a channel, the one with more plain characters and fewer stars is more specific."""
    return sum(sign not in "*?[]" for sign in pattern), -pattern.count("*")


def _apply(ready: _Ready, message: Screened) -> Applied | None:
    rule = ready.rule
    found = _found(ready, message) if _concerns(rule, message) else None
    if found is not None and ready.scored is not None:
        scores = ready.scored(message)
        found = None if scores is None else [*found, *scores]
    if found is None:
        return None
    return Applied(rule, _outcome(rule, found), tuple(found), ready.where)


def _concerns(rule: Rule, message: Screened) -> bool:
    """Whether the rule holds in the channel and for the author."""
    if rule.in_ and not any(fnmatchcase(message.channel, pattern) for pattern in rule.in_):
        return False
    return message.user_id not in rule.not_users and not message.roles & frozenset(rule.not_roles)


def _found(ready: _Ready, message: Screened) -> list[Finding] | None:
    """What all its conditions but the model's found; None if one does not hold."""
    found: list[Finding] = []
    for condition in ready.conditions:
        if (findings := condition(message)) is None:
            return None
        found += findings
    return found


def _outcome(rule: Rule, findings: Sequence[Finding]) -> Outcome:
    placed = [one for one in findings if one.start >= 0]
    if any(one.late for one in findings):
        return Outcome.REJECT
    if rule.disguised is not None and placed and all(one.how is How.DISGUISED for one in placed):
        return rule.disguised
    return rule.do.outcome


def _changed(message: Screened, applied: Sequence[Applied], strongest: Outcome) -> tuple[Piece, ...]:
    if strongest is Outcome.REWRITE:
        text = next(one.rule.do.text for one in applied if one.outcome is Outcome.REWRITE)
        return (Piece(("text",), text),)
    masks = [
        finding for one in applied if one.outcome is Outcome.MASK for finding in one.findings if finding.start >= 0
    ]
    if not masks or strongest is Outcome.REJECT:
        return ()
    return tuple(
        Piece(piece.path, masked(piece.text, own))
        for piece in message.pieces
        if (own := [one for one in masks if one.path == piece.path])
    )


def masked(text: str, findings: Sequence[Finding]) -> str:
    """The text with stars for words, and the name of its kind for personal data."""
    parts: list[str] = []
    place = 0
    for one in sorted(findings, key=lambda one: (one.start, -one.end)):
        if one.start >= place:
            parts += [text[place : one.start], f"[{one.what}]" if one.what in KINDS else "***"]
            place = one.end
        else:
            place = max(place, one.end)
    return "".join([*parts, text[place:]])
