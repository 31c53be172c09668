"""What people thought of replies: the reactions that a bot declares as feedback, kept beside the channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Feedback:
    """Somebody reacted to a reply, or took it back (`given` is False). What was asked is not kept. `at` is aware."""

    bot: str
    reply: str
    channel: str
    user: str
    reaction: str
    at: datetime
    given: bool = True


class FeedbackLog(Protocol):
    """Keeps feedback, durably, for all replicas. The same entry may come more than once. Raises EngineError."""

    async def record(self, entry: Feedback) -> None:
        """Keep an entry."""

    async def entries(self, bot: str) -> list[Feedback]:
        """What counts for a bot, oldest first: of each person and reply the last word, if it is not taken back."""

    async def forget(self, user: str) -> int:
        """Forget what a person thought. Returns how many entries that were."""


class MemoryFeedback:
    """`FeedbackLog` in memory."""

    def __init__(self) -> None:
        self._entries: list[Feedback] = []

    async def record(self, entry: Feedback) -> None:
        """See `FeedbackLog.record`."""
        self._entries.append(entry)

    async def entries(self, bot: str) -> list[Feedback]:
        """See `FeedbackLog.entries`."""
        return standing(self._entries, bot)

    async def forget(self, user: str) -> int:
        """See `FeedbackLog.forget`."""
        kept = [entry for entry in self._entries if entry.user != user]
        forgotten, self._entries = len(self._entries) - len(kept), kept
        return forgotten


def standing(entries: Iterable[Feedback], bot: str) -> list[Feedback]:
    """A bot's entries that count. Events may come twice and in any order: the latest by the service's clock holds.

    A person has one vote on a reply, however many reactions they give it.
    """
    last: dict[tuple[str, str, str], Feedback] = {}
    for entry in entries:
        key = (entry.reply, entry.user, entry.reaction)
        if entry.bot == bot and (key not in last or last[key].at <= entry.at):
            last[key] = entry
    given = sorted((entry for entry in last.values() if entry.given), key=lambda entry: entry.at)
    votes = {(entry.reply, entry.user): entry for entry in given}
    return sorted(votes.values(), key=lambda entry: entry.at)


async def count(log: FeedbackLog, bot: str) -> dict[str, int]:
    """Count the reactions to a bot's replies that still stand, by kind: for reports."""
    return dict(Counter(entry.reaction for entry in await log.entries(bot)))
