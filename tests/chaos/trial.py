"""One scenario, from the first process to the verdict."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.chaos.plan import Question, plan
from tests.chaos.scenarios import Scenario
from tests.chaos.verdict import Evidence, Verdict, complete, judge
from tests.chaos.world import Setting, World, running_world
from tests.support.nats import Nats
from tests.support.postgres import Postgres

_QUIET = 3.0
"""Seconds after the last reply in which a late second one would come."""


@dataclass
class Trial:
    """What came of a scenario. Seconds: of asking, and from the first question to the last reply."""

    name: str
    setting: Setting
    verdict: Verdict
    diary: list[str]
    asking: float
    whole: float
    logs: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        setting = {key: getattr(self.setting, key) for key in ("messages", "channels", "replicas", "database")}
        own = {"scenario": self.name, "ingress": self.setting.ingress, "seed": self.setting.seed}
        times = {"asking_seconds": self.asking, "seconds": self.whole}
        return {**own, **setting, **times, **self.verdict.as_json(), "diary": self.diary, "log_events": self.logs}


async def run_trial(
    name: str,
    scenario: Scenario,
    setting: Setting,
    postgres: Postgres | None,
    nats: Nats | None = None,
    *,
    patience: float = 180,
    logs: Path | None = None,
) -> Trial:
    """Ask, disturb, wait until every question has its reply or `patience` (seconds after the last question) is over.

    `logs`: a folder to leave the logs of all processes in.
    """
    setting = replace(setting, rate_limits=setting.rate_limits or scenario.rate_limits)
    planned = plan(setting.messages, setting.channels, seconds=setting.spread, noting=setting.noting, seed=setting.seed)
    async with running_world(setting, postgres, nats) as world:
        began = time.monotonic()
        world.loading.set()
        disturbing = asyncio.create_task(_disturbed(scenario, world))
        await asyncio.gather(*(_ask(world, asked) for asked in planned.values()))
        asking = time.monotonic() - began
        world.loading.clear()
        await disturbing
        await _answered(world, planned, patience)
        whole = time.monotonic() - began
        await asyncio.sleep(_QUIET)
        channels = await world.app.messages(list(planned))
        evidence = Evidence(world.effects, world.killed, _agent_seconds(world), scenario.judges_recovery)
        verdict = judge(planned, channels, evidence)
        if logs is not None:
            kept = logs / f"{name}-{setting.database}"
            kept.mkdir(parents=True, exist_ok=True)
            for file in (*world.folder.glob("*.log"), *world.folder.glob("*.out"), *world.folder.glob("effects")):
                shutil.copy(file, kept)
        return Trial(name, setting, verdict, world.diary, asking, whole, _warnings(world))


async def _disturbed(scenario: Scenario, world: World) -> None:
    await scenario.disturb(world)


async def _ask(world: World, asked: Sequence[Question]) -> None:
    """One channel's questions, each at its moment or, where the service was away, after the one before."""
    began = time.monotonic()
    for question in asked:
        await asyncio.sleep(max(0.0, question.at - (time.monotonic() - began)))
        await world.app.ask(question)


async def _answered(world: World, planned: Mapping[str, Sequence[Question]], patience: float) -> None:
    """Return once every question has a complete reply, or after so many seconds."""
    deadline = time.monotonic() + patience
    left = list(planned)
    while left and time.monotonic() < deadline:
        done = set(complete(planned, await world.app.messages(left)))
        left = [channel for channel in left if channel not in done]
        await asyncio.sleep(0.5)


def _warnings(world: World) -> dict[str, int]:
    """The warnings and errors that replicas logged, each with its count."""
    levels = {"warning", "error", "critical"}
    found = (str(entry.get("event")) for entry in _log_lines(world) if entry.get("level") in levels)
    return dict(Counter(event.partition(" (")[0] for event in found))


def _agent_seconds(world: World) -> dict[str, float]:
    """How long the agent took over each reply, as its replica logged it."""
    answered = [entry for entry in _log_lines(world) if entry.get("event") == "turn.answered"]
    return {str(entry["reply"]): float(entry["seconds"]) for entry in sorted(answered, key=lambda e: e["timestamp"])}


def _log_lines(world: World) -> Iterator[dict[str, Any]]:
    for replica in world.replicas:
        for line in replica.log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"event": "not a log line", "level": "error"}
            yield entry
