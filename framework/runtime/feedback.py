"""What people thought of replies: the reactions that a bot declares as feedback, kept beside the channels."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

_log = structlog.get_logger(__name__)


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
    """Keeps feedback, durably. The same entry may come more than once."""

    async def record(self, entry: Feedback) -> None:
        """Keep an entry. Raises OSError where it cannot be kept."""

    async def entries(self, bot: str) -> list[Feedback]:
        """What counts for a bot, oldest first: of each person, reply and reaction the last word, if it is not taken
        back.
        """


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


class FeedbackFile:
    """`FeedbackLog` as lines of JSON in a file, which several processes may write: every entry is one write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def record(self, entry: Feedback) -> None:
        """See `FeedbackLog.record`."""
        line = json.dumps({**asdict(entry), "at": entry.at.isoformat()}, ensure_ascii=False)
        await asyncio.to_thread(self._append, line)

    async def entries(self, bot: str) -> list[Feedback]:
        """See `FeedbackLog.entries`. A line that a crash cut off is left out."""
        return await asyncio.to_thread(lambda: standing(self._read(), bot))

    def _append(self, line: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _read(self) -> Iterable[Feedback]:
        if not self._path.is_file():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                try:
                    value = json.loads(line)
                    yield Feedback(**{**value, "at": datetime.fromisoformat(value["at"])})
                except (ValueError, KeyError, TypeError) as error:
                    _log.warning("feedback.line_skipped", file=str(self._path), line=number, error=str(error))


def standing(entries: Iterable[Feedback], bot: str) -> list[Feedback]:
    """A bot's entries that count. Events may come twice and in any order: the latest by the service's clock holds."""
    last: dict[tuple[str, str, str], Feedback] = {}
    for entry in entries:
        key = (entry.reply, entry.user, entry.reaction)
        if entry.bot == bot and (key not in last or last[key].at <= entry.at):
            last[key] = entry
    return sorted((entry for entry in last.values() if entry.given), key=lambda entry: entry.at)


async def count(log: FeedbackLog, bot: str) -> dict[str, int]:
    """How often each reaction was given to a bot's replies, and stands: for reports."""
    return dict(Counter(entry.reaction for entry in await log.entries(bot)))
