"""The promise, small: replicas killed while webhooks come twice. The whole of it: `python -m tests.chaos`."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from tests.chaos.scenarios import Scenario, kill_once
from tests.chaos.trial import run_trial
from tests.chaos.world import Setting
from tests.support.model_server import Pace
from tests.support.postgres import Postgres, unavailable

_CUT_OFF = re.compile(r"kill -9 replica-0 in the middle of (\d+) turns")
_FEW = 3
SMALL = Setting(messages=40, channels=8, replicas=2, ingress="both", spread=5.0, pace=Pace(0.1, 0.6, 4), seed=4)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_each_message_gets_one_reply_though_a_replica_is_killed_and_events_come_twice(
    database: Literal["sqlite", "postgres"],
) -> None:
    setting = Setting(**{**vars(SMALL), "database": database})
    scenario = Scenario(kill_once, judges_recovery=False)  # how long it takes is no test's business
    if database == "sqlite":
        trial = await run_trial("small", scenario, setting, None)
    elif (missing := unavailable()) is not None:
        pytest.skip(missing)
    else:
        with Postgres.running() as postgres:
            trial = await run_trial("small", scenario, setting, postgres)
    assert trial.verdict.violations == []
    assert trial.verdict.replied == 40
    cut_off = next(int(found.group(1)) for line in trial.diary if (found := _CUT_OFF.search(line)))
    assert trial.verdict.recovered or cut_off < _FEW  # of few turns, each may have ended at that very moment
