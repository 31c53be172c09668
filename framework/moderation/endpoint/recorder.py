"""Keeps decisions without making the chat service wait: in a file at once, in the database a moment later."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import structlog

from framework.errors import EngineError
from framework.moderation.decisions import DecisionStore, Effect, MessageDecision
from framework.moderation.decisions.rows import decision_of, row_of

MOST_AT_ONCE = 500
GATHER = 0.1  # seconds in which decisions are gathered for one transaction
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
MOST_WAITING = 100_000

_log = structlog.get_logger(__name__)
Sleep = Callable[[float], Awaitable[None]]


class Recorder:
    """Records decisions. A killed process loses none that `add` returned from: the next one finds it in the file.

    `told` is called after each transaction with the number of decisions that were new.
    """

    def __init__(
        self, store: DecisionStore, file: Path, *, told: Callable[[int], None], sleep: Sleep = asyncio.sleep
    ) -> None:
        self._store = store
        self._file = file
        self._told = told
        self._sleep = sleep
        self._waiting = _read(file)
        self._wake = asyncio.Event()
        self._handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if self._waiting:
            self._wake.set()

    def add(self, decision: MessageDecision) -> None:
        """Keep a decision. It takes some microseconds."""
        os.write(self._handle, _line(decision))
        if len(self._waiting) >= MOST_WAITING:
            return  # the database is away for long: the file has it
        self._waiting.append(decision)
        self._wake.set()

    async def run(self) -> None:
        """Write what is kept to the database, until cancelled."""
        while True:
            await self._wake.wait()
            await self._sleep(GATHER)
            await self.flush()

    async def flush(self) -> None:
        """Write all that waits to the database. If it is away, go on trying."""
        pause = FIRST_PAUSE
        while self._waiting:
            batch = self._waiting[:MOST_AT_ONCE]
            try:
                new = await self._store.record(batch)
            except EngineError as error:
                _log.warning("moderation.not_recorded", error=error.what, waiting=len(self._waiting), again_in=pause)
                await self._sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            del self._waiting[: len(batch)]
            self._told(len(new))
        self._wake.clear()
        os.ftruncate(self._handle, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def _line(decision: MessageDecision) -> bytes:
    effects = [[effect.kind, dict(effect.details)] for effect in decision.effects]
    return orjson.dumps([row_of(decision), effects], option=orjson.OPT_APPEND_NEWLINE)


def _read(file: Path) -> list[MessageDecision]:
    """What a killed process left. A last line that was cut off is left out: its answer was never given."""
    found: list[MessageDecision] = []
    if not file.is_file():
        return found
    for line in file.read_bytes().splitlines():
        try:
            row, effects = json.loads(line)
        except ValueError:
            _log.warning("moderation.half_a_line", file=str(file))
            continue
        made = tuple(Effect(kind, details) for kind, details in effects)
        found.append(decision_of(row, made))
    return found
