"""The hooks before a commit: they run by the tools of .venv, without the network, and find what they are for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CONFIG = Path(".pre-commit-config.yaml")
BIN = Path(sys.executable).parent
HOOKS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["repos"][0]["hooks"]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command without the network: every address leads to a proxy that is not there."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "PRE_COMMIT_HOME": str(folder / ".pre-commit")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        command, cwd=folder, env={**environment, **nowhere, **git}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A small project with the hooks of this one and a link to the tools."""
    shutil.copy(CONFIG, tmp_path)
    shutil.copy("pyproject.toml", tmp_path)
    (tmp_path / ".venv").symlink_to(BIN.parent)
    assert run(["git", "init", "-q"], tmp_path).returncode == 0
    return tmp_path


def test_each_hook_is_a_tool_of_the_environment() -> None:
    assert {hook["id"] for hook in HOOKS} == {"ruff", "ruff-format", "mypy", "lint-imports"}
    for hook in HOOKS:
        assert hook["language"] == "system"
        assert (BIN / Path(hook["entry"].split()[0]).name).is_file(), hook["entry"]


@pytest.mark.parametrize(
    ("hook", "source"), [("ruff", "import os\n"), ("ruff-format", '"""Doc."""\n\nVALUE = [1,\n 2]\n')]
)
def test_a_hook_stops_what_it_is_for_and_lets_the_rest_pass(clone: Path, hook: str, source: str) -> None:
    file = clone / "module.py"
    for text, stopped in ((source, True), ('"""Doc."""\n', False)):
        file.write_text(text, encoding="utf-8")
        run(["git", "add", "module.py"], clone)
        done = run([str(BIN / "pre-commit"), "run", hook, "--files", "module.py"], clone)
        assert (done.returncode != 0) is stopped, done.stdout + done.stderr
