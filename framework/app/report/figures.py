"""Figures of a period, out of the history of turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from framework.insight.history import TurnLine

ANSWERED = frozenset({"answered", "unsure", "refused", "stopped"})
"""Outcomes of turns that ended with a reply of the agent's."""
UNANSWERED = frozenset({"unsure", "refused"})
"""Those whose question has no answer in the articles."""


@dataclass(frozen=True)
class Cost:
    """What a bot spent on a model."""

    bot: str
    model: str
    turns: int
    input_tokens: int
    output_tokens: int
    money: float


@dataclass(frozen=True)
class PeriodFigures:
    """Counts of turns. Seconds are None where nothing was measured; `by_day` has a day for each of the period."""

    turns: int
    outcomes: Mapping[str, int]
    first_text_median: float | None
    first_text_p95: float | None
    silences: Mapping[str, int]
    handovers: Mapping[str, int]
    failures: Mapping[str, int]
    tools: Mapping[str, tuple[int, int]]
    costs: Sequence[Cost]
    by_day: Mapping[date, tuple[int, int]]
    sources: Mapping[str, int]

    @property
    def answered(self) -> int:
        """Turns that ended with a reply."""
        return sum(self.outcomes.get(name, 0) for name in ANSWERED)

    @property
    def unanswered(self) -> int:
        """Replies without an answer in the articles."""
        return sum(self.outcomes.get(name, 0) for name in UNANSWERED)

    @property
    def money(self) -> float:
        """What all models came to."""
        return sum(cost.money for cost in self.costs)


SumUp = Callable[[Sequence[TurnLine]], PeriodFigures]
"""Makes figures out of some lines."""


def figures(lines: Sequence[TurnLine], since: datetime, until: datetime) -> PeriodFigures:
    """Sum up lines of turns that came from `since` to before `until`."""
    waited = sorted(line.first_text_seconds for line in lines if line.first_text_seconds is not None)
    return PeriodFigures(
        turns=len(lines),
        outcomes=_count(line.outcome for line in lines),
        first_text_median=_share(waited, 0.5),
        first_text_p95=_share(waited, 0.95),
        silences=_count(line.label for line in lines if line.outcome == "silent"),
        handovers=_count(line.label for line in lines if line.outcome == "handed_over"),
        failures=_count(line.reason for line in lines if line.outcome == "failed"),
        tools=_tools(lines),
        costs=_costs(lines),
        by_day=_by_day(lines, since, until),
        sources=_count(file for line in lines if line.outcome == "answered" for file in {f for f, _ in line.sources}),
    )


def _count(names: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(names).most_common())


def _share(values: Sequence[float], share: float) -> float | None:
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def _tools(lines: Sequence[TurnLine]) -> Mapping[str, tuple[int, int]]:
    """Calls of each tool, and how many of them failed."""
    calls: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for line in lines:
        for name, worked in line.tools:
            calls[name] += 1
            failed[name] += not worked
    return {name: (count, failed[name]) for name, count in calls.most_common()}


def _costs(lines: Sequence[TurnLine]) -> Sequence[Cost]:
    sums: dict[tuple[str, str], list[float]] = {}
    for line in lines:
        if line.model:
            one = sums.setdefault((line.bot, line.model), [0, 0, 0, 0.0])
            for place, value in enumerate((1, line.input_tokens, line.output_tokens, line.cost)):
                one[place] += value
    costs = [
        Cost(bot, model, int(turns), int(taken), int(made), money)
        for (bot, model), (turns, taken, made, money) in sums.items()
    ]
    return sorted(costs, key=lambda cost: (-cost.money, -cost.turns, cost.bot))


def _by_day(lines: Sequence[TurnLine], since: datetime, until: datetime) -> Mapping[date, tuple[int, int]]:
    """Turns of each day, and how many of them ended with a reply."""
    days = {since.date() + timedelta(days=number): [0, 0] for number in range((until.date() - since.date()).days + 1)}
    for line in lines:
        day = days.setdefault(line.received_at.astimezone(since.tzinfo).date(), [0, 0])
        day[0] += 1
        day[1] += line.outcome in ANSWERED
    return {day: (all_, answered) for day, (all_, answered) in sorted(days.items())}


def change(now: float, before: float) -> str:
    """Return how a figure changed, as "+20 %"; empty where there was nothing before."""
    return "" if not before else f"{round((now - before) / before * 100):+d}\N{NO-BREAK SPACE}%"


def by_bot(lines: Sequence[TurnLine], sum_up: SumUp) -> dict[str, PeriodFigures]:
    """Return the figures of each bot."""
    bots = sorted({line.bot for line in lines})
    return {bot: sum_up([line for line in lines if line.bot == bot]) for bot in bots}
