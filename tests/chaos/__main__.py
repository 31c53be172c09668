"""`python -m tests.chaos`: every scenario against real processes. Exit code 1 where any promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.report import show
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.trial import Trial, run_trial
from tests.chaos.world import Ingress, Journal, Setting
from tests.support.model_server import Pace
from tests.support.nats import Nats
from tests.support.postgres import Postgres

_DATABASES: tuple[Journal, ...] = ("sqlite", "postgres", "nats", "cluster")


def main() -> None:
    """Read the options, run, print."""
    options = _options()
    names = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    before = os.getloadavg()
    trials = asyncio.run(_run(names, options))
    load = f"{before[0]:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
    if options.json:
        sys.stdout.write(json.dumps({"load_average": load, "trials": [trial.as_json() for trial in trials]}) + "\n")
    else:
        show(trials, load=load)
    sys.exit(1 if any(trial.verdict.violations for trial in trials) else 0)


async def _run(names: list[str], options: argparse.Namespace) -> list[Trial]:
    trials = []
    with ExitStack() as stack:
        for database in _DATABASES if options.database == "all" else (options.database,):
            postgres = stack.enter_context(Postgres.running(durable=True)) if database == "postgres" else None
            servers = {"nats": 1, "cluster": 3}.get(database)
            nats = stack.enter_context(Nats.running(servers, sync="always")) if servers else None
            for name in names:
                scenario = SCENARIOS[name]
                ingress: Ingress = options.ingress
                if ingress == "websocket" and scenario.ingress == "webhook":
                    ingress = "both"
                setting = Setting(
                    messages=options.messages,
                    channels=options.channels,
                    replicas=options.replicas,
                    database=database,
                    ingress=ingress,
                    seed=options.seed,
                    spread=options.spread,
                    pace=Pace(*options.latency),
                )
                if (why := scenario.fit(setting)) is not None:
                    _say(f"{name}: left out, {why}")
                    continue
                trial = await run_trial(
                    name, scenario, setting, postgres, nats, patience=options.patience, logs=options.logs
                )
                trials.append(trial)
                for line in trial.diary:
                    _say(f"  {line}")
                _say(f"{name}: {'; '.join(trial.verdict.violations) or 'kept'} ({trial.whole:.0f} s) {trial.logs}")
    return trials


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--channels", type=int, default=40)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--database", choices=(*_DATABASES, "all"), default="postgres")
    parser.add_argument("--ingress", choices=("websocket", "webhook", "both"), default="websocket")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spread", type=float, default=20.0, help="seconds over which the questions are asked")
    parser.add_argument("--latency", type=float, nargs=2, default=(0.5, 3.0), metavar=("LOW", "HIGH"))
    parser.add_argument(
        "--patience", type=float, default=180.0, help="seconds after the last question in which all must be answered"
    )
    parser.add_argument("--scenario", choices=(*SCENARIOS, "all"), default="all")
    parser.add_argument("--logs", type=Path, help="a folder to leave the logs of all processes in")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
