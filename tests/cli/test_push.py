"""`push`: against a sandbox of its own, as people use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ACCOUNT = json.dumps({"type": "service_account", "project_id": "shop", "private_key": "very-private"})
FILE = """
providers:
  - type: firebase
    name: main
    credentials_file: fb.json
    templates:
      message.new: '{"notification": {"body": "{{ truncate message.text 10 }}"}}'
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "fb.json").write_text(ACCOUNT)
    (tmp_path / "push.yaml").write_text(FILE)
    return tmp_path


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FRAMEWORK_DATA": str(place / "data")}
    return subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        capture_output=True, text=True, check=False, timeout=120, env=environment,
    )  # fmt: skip


def test_providers_devices_and_a_push_as_an_operator_meets_them(place: Path) -> None:
    """A plan, the same done, nothing the second time; a device that died, and is removed when told so."""
    file = str(place / "push.yaml")
    planned = run(place, "push", "apply", file)
    assert planned.stdout.endswith("Nothing was changed. --yes does it.\n"), planned.stderr
    done = run(place, "push", "apply", file, "--yes")
    assert done.stdout == "done  firebase main: is made\ndone  firebase main: the template of message.new is made\n"
    assert run(place, "push", "apply", file).stdout.startswith("Nothing to change")
    call = ("ops", "call", "--yes")
    run(place, *call, "UpdateUsers", "--arg", 'users={"ann": {"id": "ann"}, "bob": {"id": "bob"}}')
    for device in ("dead-1", "phone"):
        made = run(place, *call, "CreateDevice", "--arg", f"id={device}", "--arg", "push_provider=firebase",
                   "--arg", "user_id=ann")  # fmt: skip
        assert made.returncode == 0, made.stderr
    channel = ("--arg", "type=messaging", "--arg", "id=a")
    made = run(
        place,
        *call,
        "GetOrCreateChannel",
        *channel,
        "--arg",
        'data={"created_by_id": "bob", "members": ["ann", "bob"]}',
    )
    assert made.returncode == 0, made.stderr
    sent = run(
        place, *call, "SendMessage", *channel, "--arg", 'message={"text": "It is raining here", "user_id": "bob"}'
    )
    assert sent.returncode == 0, sent.stderr
    listed = run(place, "push", "devices", "ann")
    assert "dead-1  dead: the provider does not know the device\n" in listed.stdout
    assert "phone  alive\n" in listed.stdout
    assert "Nothing was removed" in listed.stdout
    removed = json.loads(run(place, "push", "devices", "ann", "--remove-dead", "--json").stdout)
    assert {one["device"]: one["removed"] for one in removed} == {"dead-1": True, "phone": False}
    assert "dead-1" not in run(place, "push", "devices", "ann").stdout
    checked = run(place, "push", "check", "ann")
    assert '{"notification": {"body": "It is rain..."}}' in checked.stdout
    kept = b"".join(path.read_bytes() for path in (place / "data").rglob("engine.db*"))
    assert b"very-private" not in kept


def test_a_mistake_is_no_traceback(place: Path) -> None:
    (place / "push.yaml").write_text(FILE.replace("credentials_file: fb.json", "credentials: very-private"))
    told = run(place, "push", "apply", str(place / "push.yaml"))
    assert told.returncode == 1
    assert "push.yaml:3:5: providers[0]: `credentials` is a secret" in told.stderr
    assert "very-private" not in told.stderr + told.stdout
    assert run(place, "push", "apply", str(place / "none.yaml")).returncode == 2
