"""The history of turns: a line for each turn that was decided, without a word of what people wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from framework.errors import EngineError

_log = structlog.get_logger(__name__)
MOST_AT_ONCE = 500
"""Lines that one transaction writes."""


@dataclass(frozen=True)
class TurnLine:
    """One turn. `key` is the engine's. `message` and `reply` are ids in the channel, empty where there is none; `user`
    wrote the message. `cause` is the trigger that fired. `label` is the reason for counts, `reason` that of the log.
    `first_text_seconds` is what the person waited, by the service's clock. `sources` are files and headings.
    """

    key: str
    bot: str
    channel: str
    message: str
    user: str
    cause: str
    outcome: str
    label: str
    reason: str
    rule: str
    received_at: datetime
    first_text_seconds: float | None
    seconds: float
    reply: str
    model: str
    input_tokens: int
    output_tokens: int
    cost: float
    sources: Sequence[tuple[str, str]]
    tools: Sequence[tuple[str, bool]]
    replica: str


@dataclass(frozen=True)
class Wanted:
    """Which lines to read. `since` and `until` bound when the turn came; None: any."""

    bot: str | None = None
    channel: str | None = None
    message: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    newest: int | None = None


class TurnHistory(Protocol):
    """Keeps lines. Every method raises EngineError if the database does not answer."""

    async def add(self, lines: Sequence[TurnLine]) -> None:
        """Keep lines. One whose key is there already is kept as it is, unless it says more."""

    async def read(self, wanted: Wanted) -> list[TurnLine]:
        """Return lines, oldest first."""

    async def forget(self, user: str) -> int:
        """Delete what a person's turns left. Return how many lines."""

    async def prune(self, before: datetime) -> int:
        """Delete lines of turns that came before this time. Return how many."""

    async def close(self) -> None:
        """Close the database. Safe to call twice."""


class HistoryWriter:
    """Writes the lines of many turns together. A turn is settled only after its line is kept, so that a kill loses
    none; a turn that runs again because of a kill leaves its first line.
    """

    def __init__(self, history: TurnHistory) -> None:
        self._history = history
        self._waiting: list[tuple[TurnLine, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, line: TurnLine) -> None:
        """Return once the line is kept. A history that fails is logged: it keeps nobody from an answer."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, kept))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name="history")
        await kept

    async def close(self) -> None:
        """Write what waits, and close."""
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._history.close()

    async def prune(self, before: datetime) -> None:
        """Delete lines of turns that came before this time."""
        try:
            count = await self._history.prune(before)
        except EngineError as error:
            _log.warning("history.not_pruned", error=error.what)
            return
        if count:
            _log.info("history.pruned", lines=count)

    async def _write(self) -> None:
        batch: list[tuple[TurnLine, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                try:
                    await self._history.add([line for line, _ in batch])
                except EngineError as error:
                    _log.warning("history.not_kept", lines=len(batch), error=error.what)
                _let_go(batch)
        finally:
            _let_go([*batch, *self._waiting])  # by a defect nobody's turn waits for ever


def _let_go(batch: Sequence[tuple[TurnLine, asyncio.Future[None]]]) -> None:
    for _, kept in batch:
        if not kept.done():
            kept.set_result(None)
