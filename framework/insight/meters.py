"""What the rooms count. A call costs nothing until a process asks for counts by `count_with`.

Labels come from closed sets: bots, operations, statuses, reasons. Neither text nor ids of people, channels or messages
may be one: a monitoring system keeps each of them for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TurnCount:
    """A turn that was decided. Seconds are None where they were not measured; `cost` is in the bot's currency.

    `reason` is one of `framework.runtime.core.reasons`. `tools` are names, and whether the call worked.
    """

    bot: str
    outcome: str
    reason: str
    first_text_seconds: float | None
    seconds: float
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    tools: Sequence[tuple[str, bool]] = ()


class Counts(Protocol):
    """Keeps the counts."""

    def turn(self, turn: TurnCount) -> None:
        """A turn was decided."""

    def call(self, operation: str, status: int, seconds: float) -> None:
        """The chat service answered a call; status 0: it did not answer."""

    def connection(self, bot: str, *, again: bool) -> None:
        """The connection of events is up."""

    def webhook(self, status: int) -> None:
        """A delivery was answered."""

    def moderation(self, bot: str, what: str, name: str, outcome: str, count: int) -> None:
        """Texts were judged. `what` is `decision` (`name`: when it was made), `rule` (`name`: the rule that applied,
        with the outcome that it wanted) or `late` (`name`: the rule that could not be judged in time).
        """

    def campaign_part(self, bot: str, outcome: str, *, sent: int, missed: int) -> None:
        """A part of a campaign came to its end. `sent` people got its message, `missed` did not."""

    def campaign_run(self, bot: str, outcome: str) -> None:
        """A run of a campaign came to its end."""


_counts: Counts | None = None


def count_with(counts: Counts | None) -> None:
    """Count from now on with these, for the whole process; None: count nothing."""
    global _counts  # noqa: PLW0603 - the one counter of the process
    _counts = counts


def turn_decided(turn: TurnCount) -> None:
    """See `Counts.turn`."""
    if _counts is not None:
        _counts.turn(turn)


def service_called(operation: str, status: int, seconds: float) -> None:
    """See `Counts.call`."""
    if _counts is not None:
        _counts.call(operation, status, seconds)


def connected(bot: str, *, again: bool) -> None:
    """See `Counts.connection`."""
    if _counts is not None:
        _counts.connection(bot, again=again)


def webhook_answered(status: int) -> None:
    """See `Counts.webhook`."""
    if _counts is not None:
        _counts.webhook(status)


def moderated(bot: str, what: str, name: str, outcome: str, count: int = 1) -> None:
    """See `Counts.moderation`."""
    if _counts is not None:
        _counts.moderation(bot, what, name, outcome, count)


def campaign_part_ended(bot: str, outcome: str, *, sent: int, missed: int) -> None:
    """See `Counts.campaign_part`."""
    if _counts is not None:
        _counts.campaign_part(bot, outcome, sent=sent, missed=missed)


def campaign_run_ended(bot: str, outcome: str) -> None:
    """See `Counts.campaign_run`."""
    if _counts is not None:
        _counts.campaign_run(bot, outcome)
