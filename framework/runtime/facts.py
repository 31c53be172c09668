"""How a process does, as probes and a monitoring system are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from framework.net.breaker import breakers
from framework.runtime.decide.budget_left import left_today
from framework.runtime.session import Session
from framework.stream.budget import calls_left

if TYPE_CHECKING:
    from framework.engine.port import Engine
    from framework.stream.timing import Timing

_READ_EVERY = 10.0
"""Seconds for which open handovers and budgets are good: they are read from the database."""


class ProcessFacts:
    """Gathers the facts about the sessions of a process."""

    def __init__(self, engine: Engine, timing: Timing) -> None:
        self._engine = engine
        self._timing = timing
        self._handovers: dict[str, tuple[int, float]] = {}
        self._budgets: dict[str, Mapping[str, float]] = {}
        self._looked_at: float | None = None

    async def of(self, sessions: Iterable[Session]) -> Mapping[str, Any]:
        """Return JSON values. Raises EngineError if the database is away.

        `connections` tell for each bot whether its events come, since when, and why not. `quiet_seconds` are those
        since any event came, None before the first one. `handovers` are the number of open ones by bot, and the age in
        seconds of the oldest. `budgets` are what is left of each bot's budget of today, from 1 to 0, by measure.
        """
        sessions = tuple(sessions)
        await self._read(sessions)
        load = await self._engine.load()
        quiet = [session.quiet_seconds for session in sessions if session.quiet_seconds is not None]
        return {
            "bots": {session.bot.name: session.ready.is_set() for session in sessions},
            "connections": {session.bot.name: session.connection for session in sessions},
            "quiet_seconds": round(min(quiet), 1) if quiet else None,
            "turns": {"waiting": load.waiting, "running": load.running, "dead": load.dead},
            "oldest_seconds": round(load.oldest, 3),
            "breakers": {breaker.name: breaker.state for breaker in breakers()},
            "calls_left": dict(calls_left()),
            "handovers": self._handovers,
            "budgets": self._budgets,
        }

    async def _read(self, sessions: Iterable[Session]) -> None:
        now = self._timing.monotonic()
        if self._looked_at is not None and now - self._looked_at < _READ_EVERY:
            return
        self._looked_at = now
        for session in sessions:
            bot = session.bot
            found = (await bot.handovers.open_ones(bot.scope)).values()
            ages = [(self._timing.now() - state.since).total_seconds() for state in found]
            self._handovers[bot.name] = (len(ages), round(max(ages, default=0.0), 1))
            bound = bot.definition.budget.day
            self._budgets[bot.name] = await left_today(bot.usage, bot.user_id, bound, self._timing.now())


def why_not(facts: Mapping[str, Any], *, behind: float) -> dict[str, str]:
    """Return what is wrong, by part; empty if nothing is. `behind`: seconds from which on a waiting turn is too old."""
    wrong: dict[str, str] = {}
    for bot, connection in facts.get("connections", {}).items():
        if not connection["up"]:
            wrong[f"stream of {bot}"] = f"not connected since {connection['since']}: {connection['why']}"
    wrong |= {f"bot {bot}": "reads its channels still" for bot, ready in facts.get("bots", {}).items() if not ready}
    wrong |= {service: f"is not called, {state}" for service, state in facts["breakers"].items() if state == "open"}
    if facts["oldest_seconds"] > behind:
        wrong["backlog"] = f"a turn waits for {facts['oldest_seconds']:.0f} s (limit {behind:.0f})"
    return wrong
