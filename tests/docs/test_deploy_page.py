"""The page from a laptop to replicas: each command is run, or what it names is there and judged without an engine.

No Docker engine and no cluster runs where the tests run. So `docker` lines are compared with the files that they name,
whose services tests/deploy starts without an engine. `helm` lines are rendered by Helm's own library. `kubectl` lines
run without a cluster.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_compose import wrong
from tests.support import chart
from tests.support.compose import read_compose
from tests.support.dockerfile import read_stages

PAGE = Path("docs/deploy.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
YAML = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
RUN_ELSEWHERE = {
    "curl -s http://127.0.0.1:8850/readyz": "tests/deploy/test_compose_run.py::"
    "test_operators_and_webhooks_have_addresses_of_their_own",
    "sh deploy/secrets.sh": "tests/deploy/test_compose.py::test_the_script_makes_each_file_of_secrets_once",
    "sh deploy/secrets.sh --without-stream": "tests/deploy/test_compose.py::"
    "test_the_script_makes_each_file_of_secrets_once",
}


def starting(*words: str) -> list[str]:
    return [line for line in LINES if shlex.split(line)[: len(words)] == list(words)]


def test_no_line_is_left_out() -> None:
    judged = [*starting("docker", "build"), *COMPOSE, *starting("helm"), *starting("kubectl"), *RUN_ELSEWHERE]
    assert [line for line in LINES if line not in judged] == []
    for place in RUN_ELSEWHERE.values():
        file, _, test = place.partition("::")
        assert f"def {test}(" in Path(file).read_text(encoding="utf-8")


@pytest.mark.parametrize("line", starting("docker", "build"))
def test_a_build_names_what_is_there(line: str) -> None:
    words = shlex.split(line)
    assert Path(words[words.index("-f") + 1]).is_file()
    if "--target" in words:
        assert words[words.index("--target") + 1] in read_stages(Path("deploy/Dockerfile"))
    assert words[-1] == "."


COMPOSE = [line for line in LINES if "docker compose" in line]


@pytest.mark.parametrize("line", COMPOSE)
def test_a_service_that_is_started_is_in_the_file_and_in_the_profile(line: str) -> None:
    words = shlex.split(line.partition("docker compose")[2])
    options = {words[n]: words[n + 1] for n in range(len(words) - 1) if words[n] in {"-f", "--profile"}}
    started = [word for word in words[words.index("up") + 1 :] if not word.startswith("-")]
    services = read_compose(Path(options["-f"]))["services"]
    assert started
    for name in started:
        assert services[name].get("profiles", [options.get("--profile")]) == [options.get("--profile")]
    for variable in re.findall(r"^([A-Z_]+)=", line):
        assert f"{{${variable}" in Path("deploy/Caddyfile").read_text(encoding="utf-8")
        assert variable in json.dumps(services), "the container gets it"


def test_bots_of_ones_own_fit_into_the_file() -> None:
    compose, (own,) = read_compose(Path("deploy/compose.yaml")), [one for one in YAML if "services" in one]
    (name,) = own["services"]
    merged = {
        **compose,
        "services": {**compose["services"], name: {**compose["services"][name], **own["services"][name]}},
    }
    assert wrong(merged) == ""


@pytest.mark.skipif(bool(chart.unavailable()), reason=str(chart.unavailable()))
@pytest.mark.parametrize("line", starting("helm"))
def test_a_line_of_helm_renders(line: str) -> None:
    import helm_python

    words = shlex.split(line)
    assert words[3] == "deploy/chart"
    given: dict[str, Any] = helm_python.parse_set_string(words[words.index("--set") + 1])
    values = given if words[1] == "install" else {**chart.APP, **given}
    assert chart.container_of(chart.rendered(values))


@pytest.mark.skipif(bool(chart.unavailable()), reason=str(chart.unavailable()))
def test_the_values_shown_make_three_replicas() -> None:
    (values,) = [one for one in YAML if "replicas" in one]
    resources = chart.rendered({**chart.APP, **values})
    assert chart.one_of(resources, "Deployment")["spec"]["replicas"] == 3
    assert {one["kind"] for one in resources} >= {"Ingress", "ServiceMonitor", "NetworkPolicy", "PodDisruptionBudget"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("line", starting("kubectl", "create", "secret"))
def test_the_secret_has_the_keys_that_the_chart_asks_for(line: str, tmp_path: Path) -> None:
    for name in re.findall(r"--from-file=(\w+)", line):
        (tmp_path / name).write_text("a secret")
    command = [*shlex.split(line), "--dry-run=client", "-o", "yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    made = yaml.safe_load(done.stdout)
    assert made["metadata"]["name"] == chart.APP["secret"]["name"]
    assert made["data"].keys() == {"stream_api_secret", chart.SHARED["databaseUrl"]}
