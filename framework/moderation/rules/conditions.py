"""The conditions of a rule, made ready to be asked of many messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from framework.definition.expressions.patterns import LinearPattern, linear
from framework.moderation.message import Screened
from framework.moderation.rules.finding import Finding
from framework.moderation.rules.history import AuthorHistory
from framework.moderation.rules.injection import instructions_in
from framework.moderation.rules.model import When
from framework.moderation.words import Kind, Match, Term, TermMatcher
from framework.outbound.domains import Domains, domains_in, link_in, visible
from framework.personal_data import find

Condition = Callable[[Screened], list[Finding] | None]
"""What it found, or None if it does not hold."""

_FEWEST_LETTERS = 12
_WORD = re.compile(r"\S+")


def conditions_of(
    when: When, terms: Sequence[Term], *, history: AuthorHistory, now: Callable[[], datetime]
) -> list[Condition]:
    """All conditions of a rule but its model's.

    `terms` are its words, those of its files and of Stream's lists, and its domains.
    """
    return [*_of_author(when, history, now), *_of_form(when), *conditions_of_text(when, terms)]


def conditions_of_text(when: When, terms: Sequence[Term]) -> list[Condition]:
    """Those of them that ask what stands in the texts."""
    found: list[Condition] = []
    if terms:
        found.append(_terms(TermMatcher(terms), _allowed(when)))
    elif when.words or when.domains or when.stream_list:
        found.append(lambda _: None)  # a blocklist that is empty, or could not be read yet, finds nothing
    if when.regex:
        found.append(_regex([linear(pattern, ignore_case=True) for pattern in when.regex]))
    if when.personal_data:
        found.append(_personal_data(frozenset(when.personal_data)))
    if when.allowed_domains:
        found.append(_strange_domains(Domains.of(when.allowed_domains)))
    if when.links is not None:
        found.append(_links(wanted=when.links))
    if when.injection is not None:
        found.append(_injection(wanted=when.injection))
    return found


def terms_of(when: When, words: Iterable[Term]) -> list[Term]:
    """The terms to look for: words as the rule matches them, and its domains."""
    matched = [
        Term(one.text, one.kind, Match.INSIDE) if when.match == "inside" and one.kind is Kind.WORD else one
        for one in words
    ]
    return [*matched, *(Term(name, Kind.DOMAIN) for name in when.domains)]


def _of_author(when: When, history: AuthorHistory, now: Callable[[], datetime]) -> Iterable[Condition]:
    if when.messages is not None:
        yield _flood(when.messages, when.within, history)
    if when.repeats is not None:
        yield _repeats(when.repeats, when.within, history)
    if when.account_younger is not None:
        yield _young(when.account_younger, now)
    if when.roles:
        wanted = frozenset(when.roles)
        yield lambda message: [Finding("role", path=())] if wanted & message.roles else None


def _of_form(when: When) -> Iterable[Condition]:
    if when.capitals is not None:
        yield _capitals(when.capitals)
    if when.mentions is not None:
        yield _at_least("mentions", when.mentions, lambda message: message.mentions)
    if when.attachments is not None:
        yield _at_least("attachments", when.attachments, lambda message: message.attachments)


def _allowed(when: When) -> TermMatcher | None:
    return TermMatcher([Term(word) for word in when.allow_words]) if when.allow_words else None


def _terms(matcher: TermMatcher, allowed: TermMatcher | None) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        found: list[Finding] = []
        for piece in message.pieces:
            hits = matcher.find(piece.text)
            spared = [(one.start, one.end) for one in allowed.find(piece.text)] if hits and allowed else []
            found += [
                Finding(hit.term.text, hit.how, piece.path, hit.start, hit.end)
                for hit in hits
                if not any(start <= hit.start and hit.end <= end for start, end in spared)
            ]
        return found or None

    return condition


def _regex(patterns: Sequence[LinearPattern]) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        found = [
            Finding(pattern.source, path=piece.path)
            for piece in message.pieces
            for pattern in patterns
            if pattern.matches(piece.text)
        ]
        return found or None

    return condition


def _personal_data(kinds: frozenset[str]) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        found = [
            Finding(one.kind, path=piece.path, start=one.start, end=one.end)
            for piece in message.pieces
            for one in find(piece.text, kinds)
        ]
        return found or None

    return condition


def _strange_domains(domains: Domains) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        found = [
            Finding(name, path=piece.path)
            for piece in message.pieces
            for name in domains_in(piece.text)
            if not domains.allow_host(name)
        ]
        return found or None

    return condition


def _links(*, wanted: bool) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        linked = any(link_in(word) >= 0 for piece in message.pieces for word in _WORD.findall(visible(piece.text)))
        return [Finding("link" if wanted else "no link", path=())] if linked is wanted else None

    return condition


def _injection(*, wanted: bool) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        found = [
            Finding("instructions", path=piece.path, start=start, end=end)
            for piece in message.pieces
            for start, end in instructions_in(piece.text)
        ]
        if wanted:
            return found or None
        return None if found else [Finding("no instructions", path=())]

    return condition


def _flood(most: int, within: timedelta, history: AuthorHistory) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        count = history.count(message.channel, message.user_id, within, _seconds(message))
        return [Finding(f"{count} messages", path=())] if count >= most else None

    return condition


def _repeats(most: int, within: timedelta, history: AuthorHistory) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        count = history.repeats(message.channel, message.user_id, message.text, within, _seconds(message))
        return [Finding(f"{count} times the same", path=())] if count >= most else None

    return condition


def _young(age: timedelta, now: Callable[[], datetime]) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        made = message.account_made
        written = message.at or now()
        return [Finding("new account", path=())] if made is not None and written - made < age else None

    return condition


def _seconds(message: Screened) -> float | None:
    return None if message.at is None else message.at.timestamp()


def _capitals(share: float) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        letters = [sign for sign in message.text if sign.isupper() or sign.islower()]
        if len(letters) < _FEWEST_LETTERS:
            return None
        capitals = sum(sign.isupper() for sign in letters)
        return [Finding("capitals")] if capitals >= share * len(letters) else None

    return condition


def scored(kind: str, above: float, *, late: bool) -> Condition:
    """Whether the model's score is above this. `late`: it also holds if there is no score."""

    def condition(message: Screened) -> list[Finding] | None:
        score = None if message.scores is None else message.scores.get(kind)
        if score is None:
            return [Finding(f"{kind} was not judged in time", path=(), late=True)] if late else None
        return [Finding(f"{kind} {score:.2f}", path=())] if score > above else None

    return condition


def _at_least(what: str, fewest: int, count: Callable[[Screened], int]) -> Condition:
    def condition(message: Screened) -> list[Finding] | None:
        number = count(message)
        return [Finding(f"{number} {what}", path=())] if number >= fewest else None

    return condition
