"""What is deployed: alerts and dashboard ask for metrics that exist, and name pages and commands that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from framework.cli.main import app
from framework.insight.metrics import Metrics

ALERTS = Path("deploy/alerts.yaml")
BOARD = Path("deploy/grafana/agents.json")
PAGE = Path("docs/operate.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
QUERIES = [
    target["expr"] for panel in json.loads(BOARD.read_text(encoding="utf-8"))["panels"] for target in panel["targets"]
]


def series() -> dict[str, set[str]]:
    """Each series that exists, with its labels."""
    found: dict[str, set[str]] = {}
    metrics = Metrics()
    for collector in metrics.registry._collector_to_names:  # the library tells labels nowhere else
        labels = set(getattr(collector, "_labelnames", ()))
        for name in metrics.registry._collector_to_names[collector]:
            found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_a_query_asks_for_what_exists(query: str) -> None:
    known = series()
    names = re.findall(r"\bagents_\w+", query)
    assert names or query.startswith("up{")
    for name in names:
        assert name in known, name
    for name, labels in re.findall(r"\b(agents_\w+)\{([^}]*)\}", query):
        assert set(re.findall(r"(\w+)\s*[=!]", labels)) <= known[name], query
    if len(set(names)) == 1:
        grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(",")}
        assert grouped <= known[names[0]], query


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_names_a_page_and_a_command_that_exist(rule: dict[str, Any]) -> None:
    file, _, section = rule["annotations"]["page"].partition("#")
    assert Path(file).is_file()
    assert section in {slug(heading) for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)}
    command = rule["annotations"]["command"].split()
    if command[:3] == ["python", "-m", "framework"]:
        assert command[3] in get_command(app).commands  # type: ignore[attr-defined]
    else:
        assert command[0] == "curl"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_takes_rules_and_queries(tmp_path: Path) -> None:
    asked = [query.replace('"$bot"', '".*"') for query in QUERIES]
    rules = [{"record": f"board:query:{number}", "expr": query} for number, query in enumerate(asked)]
    board = tmp_path / "board.yaml"
    board.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    for file in (ALERTS, board):
        done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    unit = tmp_path / "agents.service"
    text = Path("deploy/agents.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/agents/.venv/bin/python", "/bin/sh"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert "agents.service" not in done.stderr, done.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-2_000:]
