"""Counts of decisions as running totals, so that a process that misses one line of them catches up with the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from framework.insight import meters
from framework.moderation.decisions import MessageDecision

CountedAs = tuple[str, str, str, str]
"""Bot, what is counted, a name, the outcome: see `framework.insight.meters.Counts.moderation`."""


def counted_as(decision: MessageDecision) -> Iterator[CountedAs]:
    """Yield all that a decision counts as: itself, each rule that applied, each rule that was late."""
    yield decision.bot, "decision", decision.origin, decision.outcome.value
    for hit in decision.rules:
        yield decision.bot, "rule", hit.name, hit.outcome.value
    for name in decision.late:
        yield decision.bot, "late", name, ""


def count_here(decisions: Iterable[MessageDecision]) -> None:
    """Count decisions of this process."""
    for decision in decisions:
        for key in counted_as(decision):
            meters.moderated(*key)


class Tally:
    """The totals of the process that decides."""

    def __init__(self) -> None:
        self._totals: Counter[CountedAs] = Counter()
        self._changed: set[CountedAs] = set()

    def add(self, decision: MessageDecision) -> None:
        """Count a decision."""
        for key in counted_as(decision):
            self.add_one(key)

    def add_one(self, key: CountedAs) -> None:
        """Count one thing."""
        self._totals[key] += 1
        self._changed.add(key)

    def changes(self) -> list[tuple[CountedAs, int]]:
        """Return each total that changed since it was told, by `told`."""
        return [(key, self._totals[key]) for key in self._changed]

    def told(self, key: CountedAs) -> None:
        """Note that the other process got this total."""
        self._changed.discard(key)


class TalliesElsewhere:
    """Counts here what another process decided, from the totals that it tells."""

    def __init__(self) -> None:
        self._process = 0
        self._last: dict[CountedAs, int] = {}

    def hear(self, process: int, key: CountedAs, total: int) -> None:
        """Take over a total. `process` is its number: another one begins at zero."""
        if process != self._process:
            self._process, self._last = process, {}
        more = total - self._last.get(key, 0)
        self._last[key] = total
        if more > 0:
            meters.moderated(*key, count=more)
