"""What is installed, built and shipped: pinned by hash, licensed, without secrets, with as few rights as it needs."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import licences
from tests.support.nats import program as nats_server

LOCKS = sorted(Path("requirements").glob("*.txt"))
PINNED = re.compile(r"^[A-Za-z0-9][\w.-]*==[^\s\\]+")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_locked_package_has_a_version_and_hashes(lock: Path) -> None:
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert entries
    for entry in entries:
        assert PINNED.match(entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


INSTALLERS = ("Makefile", "README.md", "deploy/Dockerfile")


@pytest.mark.parametrize("file", INSTALLERS)
def test_every_install_requires_the_hashes(file: str) -> None:
    lines = [line for line in Path(file).read_text(encoding="utf-8").splitlines() if "pip install" in line]
    assert lines
    for line in lines:
        assert "--require-hashes" in line, line


def wheel(folder: Path) -> str:
    """Write a tiny package; returns its hash."""
    file = folder / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("toy.py", "")
        archive.writestr("toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
        archive.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("toy-1.0.dist-info/RECORD", "toy.py,,\n")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_package_with_another_content_is_refused(tmp_path: Path) -> None:
    right, uv = wheel(tmp_path), str(Path(sys.executable).with_name("uv"))
    options = ["--offline", "--no-index", "--no-cache", "--find-links", str(tmp_path), "--require-hashes", "--no-deps"]
    for entry, installed in ((f"--hash=sha256:{'0' * 64}", False), ("", False), (f"--hash=sha256:{right}", True)):
        lock, target = tmp_path / "run.txt", tmp_path / "installed"
        lock.write_text(f"toy==1.0 {entry}\n")
        command = [uv, "pip", "install", *options, "--target", str(target), "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is installed, done.stderr
        assert (target / "toy.py").exists() is installed


def test_the_page_of_licences_is_current_and_every_licence_is_known() -> None:
    assert licences.problems() == []
    assert Path("docs/licences.md").read_text(encoding="utf-8") == licences.page(), "run scripts/licences.py"


def test_a_licence_that_nobody_explained_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "licence_of", lambda name: "AGPL-3.0-only" if name == "jinja2" else "MIT")
    assert {line.split()[0] for line in licences.problems()} == {"jinja2"}


SECRETS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
    "AWS key": re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    "OpenAI key": re.compile(r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "Google key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    "secret in an assignment": re.compile(
        r"(?i)(?<![a-z0-9])(?:api_?secret|secret_?key|access_?token|password)\b[\"']?\s*[:=]\s*[\"']?(?=[a-z]*\d)[A-Za-z0-9+/_-]{32,}"
    ),
}


def secrets_in(text: str) -> list[str]:
    return [name for name, pattern in SECRETS.items() if pattern.search(text)]


def test_the_scan_finds_what_it_looks_for() -> None:
    parts = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
    planted = {
        "private key": "-----BEGIN PRIVATE " + "KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAo",
        "AWS key": "AKIA" + "ABCDEFGHIJKLMNOP",
        "OpenAI key": "sk-" + "proj-" + parts,
        "GitHub token": "ghp_" + parts[:36],
        "Slack token": "xoxb-" + parts,
        "Google key": "AIza" + parts[:35],
        "JSON web token": "eyJ" + parts[:20] + ".eyJ" + parts[:20] + "." + parts,
        "secret in an assignment": "STREAM_API_" + "SECRET=" + parts[:40],
    }
    for name, text in planted.items():
        assert name in secrets_in(f"before {text} after") or name in secrets_in(text), name
    assert planted.keys() == SECRETS.keys()


def test_no_file_of_the_repository_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout.decode().split("\0")
    found = {}
    for name in filter(None, listed):
        path = Path(name)
        if path.suffix in (".pdf", ".docx", ".png", ".npy", ".npz") or not path.is_file():
            continue
        if wrong := secrets_in(path.read_text(encoding="utf-8", errors="ignore")):
            found[name] = wrong
    assert found == {}


COMPOSE: dict[str, Any] = yaml.safe_load(Path("deploy/compose.yaml").read_text(encoding="utf-8"))


ON_NATS: dict[str, Any] = yaml.safe_load(Path("deploy/compose.nats.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = {**COMPOSE["services"], **ON_NATS["services"]}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service.get("healthcheck", {}).get("test") or service["image"].startswith("agents-in-channels:")  # its own
    assert name == "proxy" or all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for key, value in service.get("environment", {}).items():
        assert "SECRET" not in key or key.endswith("_FILE"), key
        assert "${" not in str(value), f"{key} has a default in the file"


def test_three_nats_servers_keep_the_turns_of_two_replicas_and_sync_the_disk(tmp_path: Path) -> None:
    from framework.engine.nats.address import address

    servers = [name for name in ON_NATS["services"] if name.startswith("nats-")]
    for name in ("replica-1", "replica-2"):
        environment = ON_NATS["services"][name]["environment"]
        journal = address(environment["FRAMEWORK_JOURNAL"], replicas=environment["FRAMEWORK_JOURNAL_REPLICAS"])
        assert journal.shown == "nats://" + ",".join(f"{one}:4222" for one in servers)
        assert journal.replicas == len(servers) == 3
    configuration = tmp_path / "nats.conf"
    configuration.write_text(ON_NATS["configs"]["nats"]["content"], encoding="utf-8")
    checked = subprocess.run(
        [nats_server(), "-t", "-c", str(configuration)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "sync_interval: always" in configuration.read_text(encoding="utf-8")
    assert ON_NATS["networks"]["journal"]["internal"] is True


def test_the_image_runs_as_nobody_special_and_gets_only_what_it_copies() -> None:
    dockerfile = Path("deploy/Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)
    ignored = Path(".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*", "everything stays out unless it is named"
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for name in source.split():
            assert any(name.startswith(line[1:].split("*")[0].rstrip("/")) for line in ignored if line[0:1] == "!"), (
                name
            )


def test_the_sandbox_of_compose_makes_up_a_secret_that_stays(tmp_path: Path) -> None:
    from framework.app.sandbox_files import secret_from

    file = tmp_path / "api_secret"
    made = secret_from(file)
    assert len(made) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret_from(file) == made
    assert secret_from(tmp_path / "other") != made


@pytest.mark.parametrize("advisories", ["found", "nothing", "skipped", "unreachable"])
def test_the_audit_fails_on_what_is_known_and_says_why_it_could_not_ask(tmp_path: Path, advisories: str) -> None:
    """The tool is replaced: its advisories are on the network."""
    said = {
        "found": '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}',
        "nothing": '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}',
        "skipped": '{"dependencies": [{"name": "a", "skip_reason": "not found on PyPI"}]}',
        "unreachable": "",
    }[advisories]
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\necho 'no route to host' >&2\n")
    tool.chmod(0o755)
    for strict in ([], ["--strict"]):
        done = subprocess.run(
            [sys.executable, "scripts/audit.py", *strict],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PIP_AUDIT": str(tool)},
        )
        not_asked = advisories in ("unreachable", "skipped")
        assert done.returncode == (advisories == "found" or (not_asked and bool(strict)))
        wanted = {"found": "a 1: CVE-1, fixed in 2", "nothing": "1 packages asked about, 0 of them"}
        wanted |= {"skipped": "1 packages skipped. The first: not found", "unreachable": "no route to host"}
        assert wanted[advisories] in done.stdout
