"""A job that runs here: what its handler asks of the engine, and whether it is still ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from framework.engine.port import FencedError
from framework.values import Json

if TYPE_CHECKING:
    from framework.engine.orders import Kept, Token


class JobKeeper(Protocol):
    """What a running job needs of its engine."""

    def trusts(self, token: Token) -> bool:
        """Whether this replica has beaten so lately that nobody can have taken this job over."""

    async def save(self, token: Token, step: str, value: str) -> bool:
        """Keep a step. False: the job is another's. Raises EngineError."""

    async def held(self, token: Token) -> bool:
        """Ask the journal whether a job is still this try's. Raises EngineError."""


class RunningJob:
    """See `Execution`. `lost`: this replica was declared dead, and knows it."""

    def __init__(self, engine: JobKeeper, kept: Kept, token: Token) -> None:
        self.job = kept.job
        self.kept = kept
        self.token = token
        self.lost = False
        self._engine = engine
        self._tries = token.attempt - kept.forgiven
        self._crashes = kept.crashes
        self._steps = kept.steps

    @property
    def attempt(self) -> int:
        """See `Execution.attempt`."""
        return self._tries

    @property
    def crashes(self) -> int:
        """See `Execution.crashes`."""
        return self._crashes

    def saved(self, step: str) -> Json | None:
        """See `Execution.saved`."""
        kept = self._steps.get(step)
        return None if kept is None else json.loads(kept)

    async def save(self, step: str, value: Json) -> None:
        """See `Execution.save`. Waits for a database that is away, 30 s at most; then raises EngineError."""
        if value is None:
            raise ValueError("None says that nothing was saved")
        text = json.dumps(value, separators=(",", ":"))
        if self.lost or not await self._engine.save(self.token, step, text):
            raise self._fenced()
        self._steps[step] = text

    async def check(self) -> None:
        """See `Execution.check`. Raises EngineError when it cannot be told: the database is away."""
        if self.lost:
            raise self._fenced()
        if not self._engine.trusts(self.token) and not await self._engine.held(self.token):
            raise self._fenced()

    def _fenced(self) -> FencedError:
        self.lost = True
        return FencedError(f"Another replica has taken the job {self.token.key} over.")
