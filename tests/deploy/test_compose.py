"""The compose files: right by their schema, and started by their own commands where no engine is needed for that."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import read_compose, service_of
from tests.support.dockerfile import read_stages

FOLDER = Path("deploy")
FILES = ("compose.yaml", "compose.nats.yaml", "compose.model.yaml")
READ = {name: read_compose(FOLDER / name) for name in FILES}
SERVICES = [(name, service) for name in FILES[:2] for service in READ[name]["services"]]


def wrong(content: dict[str, Any]) -> str:
    """What the format's own reader says of a file; empty for a right one."""
    compose_spec = pytest.importorskip("compose_spec", reason="compose-spec has no build for this machine")
    # This reader takes a tag or a digest. Engines take both, and go by the digest.
    text = re.sub(r"(\w):[\w.-]+(@sha256:)", r"\1\2", json.dumps(content))
    try:
        compose_spec.PyCompose.from_json(text).validate()
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_as_its_format_says(name: str) -> None:
    assert wrong(READ[name]) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"read_onli": True}, "read_onli"),
        ({"read_only": "maybe"}, "boolean"),
        ({"secrets": ["nowhere"]}, "nowhere"),
        ({"depends_on": {"postgres": {"condition": "service_ready"}}}, "service_ready"),
        ({"healthcheck": {"test": ["CMD", "true"], "interval": "ten"}}, "ten"),
    ],
)
def test_a_mistake_in_a_file_is_found(change: dict[str, Any], words: str) -> None:
    compose = read_compose(FOLDER / "compose.yaml")
    compose["services"]["bot"] |= change
    assert words in wrong(compose)


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_each_image_is_built_here_or_pinned(name: str, service: str) -> None:
    given = READ[name]["services"][service]
    if "build" in given:
        assert given["build"]["target"] in read_stages(FOLDER / "Dockerfile")
    else:
        assert re.fullmatch(r"[\w/-]+:[\w.-]+@sha256:[0-9a-f]{64}", given["image"])


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_only_the_proxy_is_reached_from_outside(name: str, service: str) -> None:
    ports = READ[name]["services"][service].get("ports", [])
    if service == "proxy":
        assert ports == ["80:80", "443:443"]
    else:
        assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("with_stream", [True, False])
def test_the_script_makes_each_file_of_secrets_once(tmp_path: Path, with_stream: bool) -> None:
    script = tmp_path / "secrets.sh"
    script.write_bytes((FOLDER / "secrets.sh").read_bytes())
    command = ["sh", str(script), *([] if with_stream else ["--without-stream"])]
    subprocess.run(command, input="of-the-app\n", text=True, check=True, capture_output=True)
    folder = tmp_path / "secrets"
    made = {file.name: file.read_text() for file in folder.iterdir()}
    named = READ["compose.yaml"]["secrets"] | READ["compose.nats.yaml"]["secrets"]
    assert made.keys() == named.keys() - (set() if with_stream else {"stream_api_secret"})
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}
    assert made["postgres_password"].strip() in made["database_url"]
    subprocess.run(command, input="another\n", text=True, check=True, capture_output=True)
    assert {file.name: file.read_text() for file in folder.iterdir()} == made


def test_a_stranger_cannot_guess_the_password(tmp_path: Path) -> None:
    seen = set()
    for number in range(3):
        script = tmp_path / str(number) / "secrets.sh"
        script.parent.mkdir()
        script.write_bytes((FOLDER / "secrets.sh").read_bytes())
        subprocess.run(["sh", script, "--without-stream"], check=True, capture_output=True)
        seen.add((script.parent / "secrets/postgres_password").read_text())
    assert len(seen) == 3
    assert all(len(password.strip()) == 48 for password in seen)


def test_the_bot_waits_for_its_database_and_finds_its_files() -> None:
    stages = read_stages(FOLDER / "Dockerfile")
    for name in ("bot", "bot-on-sandbox"):
        service = service_of(READ["compose.yaml"], name, stages)
        assert "postgres" in service.depends_on
        files = {value for key, value in service.environment.items() if key.endswith("_FILE")}
        mounted = [f"/run/secrets/{secret}" for secret in service.secrets] + [goal for _, goal, _ in service.volumes]
        assert all(any(file.startswith(place) for place in mounted) for file in files)
        assert float(service.environment["FRAMEWORK_DRAIN"]) == service.stop_seconds - 5


def _engine() -> list[str] | None:
    """The command of Docker Compose: a program of its own, or a part of `docker`."""
    if alone := shutil.which("docker-compose"):
        return [alone]
    known = shutil.which("docker") and subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    )
    return ["docker", "compose"] if known and known.returncode == 0 else None


COMPOSE = _engine()


@pytest.mark.skipif(
    COMPOSE is None, reason="Docker Compose is not installed; the format's own reader has judged the files"
)
@pytest.mark.parametrize("files", [FILES[:1], FILES[1:2], (FILES[0], FILES[2])], ids=" ".join)
def test_docker_compose_takes_the_files(files: tuple[str, ...]) -> None:
    given = [word for name in files for word in ("-f", str(FOLDER / name))]
    command = [*(COMPOSE or []), *given, "--profile", "sandbox", "--profile", "tls", "config", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_bots_get_the_file_of_variables() -> None:
    """It may hold the model's key."""
    for name, service in SERVICES:
        given = READ[name]["services"][service]
        assert "env_file" not in given or given["image"].startswith("agents-in-channels:")
