"""The services of deploy/compose.nats.yaml, by the file's own commands, each in a network of its own on one bridge.

NATS and Postgres come from packages, in place of their images. The sandbox stands in for Stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import containers, postgres
from tests.support.compose import read_compose
from tests.support.composed import Composed, composed
from tests.support.containers import Mount

FILE = Path("deploy/compose.nats.yaml")
_WHY = containers.unavailable() or postgres.unavailable()

pytestmark = pytest.mark.skipif(bool(_WHY), reason=str(_WHY))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Three NATS servers, Postgres and two replicas, beside a sandbox."""
    services = list(read_compose(FILE)["services"])
    with composed(FILE, tmp_path_factory.mktemp("nats"), apart=services) as running:
        running.env_file = {"STREAM_API_KEY": "sandbox", "STREAM_BASE_URL": "http://sandbox:8830"}
        _sandbox(running)
        for name in ("replica-1", "replica-2"):
            running.up(name)
        yield running


def _sandbox(running: Composed) -> None:
    sandbox = read_compose(Path("deploy/compose.yaml"))["services"]["sandbox"]
    secret = "/run/secrets/stream_api_secret"
    environment = {
        "PATH": "/app/.venv/bin:/usr/bin:/bin",
        "TMPDIR": "/data",
        "FRAMEWORK_SANDBOX_API_KEY": "sandbox",
        "FRAMEWORK_SANDBOX_API_SECRET_FILE": secret,
        "FRAMEWORK_SANDBOX_HOSTS": "sandbox",
    }
    mounts = [
        Mount(running.volume("sandbox"), "/data", writable=True),
        Mount(running.secrets / "stream_api_secret", secret),
    ]
    command = ["python", "-m", "framework", *map(str, sandbox["command"])]
    running.start("sandbox", command, environment, mounts).until_healthy(sandbox["healthcheck"]["test"][1:])


def test_a_question_gets_its_answer_while_parts_die(stack: Composed) -> None:
    assert "three years" in stack.ask("How long is the warranty?")
    stack.container("nats-2").kill()
    assert "three years" in stack.ask("How long is the warranty?"), "two of three servers are enough"
    asked = [stack.asking("How long is the warranty?", channel=f"support-{number}") for number in range(4)]
    stack.container("replica-1").kill()
    for process in asked:
        answer, said = process.communicate(timeout=200)
        assert "three years" in answer, said
