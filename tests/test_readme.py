"""The README is true: its definition loads, its commands exist and do what it says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from framework.definition.loader import load_bot

README = Path("README.md").read_text(encoding="utf-8")
MAKEFILE = Path("Makefile").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


FRAMEWORK = [line.partition("-m framework ")[2] for line in commands() if "-m framework " in line]
ENDING = [line for line in FRAMEWORK if not line.startswith(("run ", "chat "))]


def test_the_definition_shown_is_a_valid_bot(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    (tmp_path / "bot.yaml").write_text(block)
    (tmp_path / "knowledge").symlink_to(Path("bots/support_bot/knowledge").resolve())
    (tmp_path / "tools.py").write_text(Path("bots/support_bot/tools.py").read_text())
    shown, real = load_bot(str(tmp_path)).definition, load_bot("support_bot").definition
    assert shown.identity == real.identity
    assert shown.channels == real.channels
    assert shown.tools == real.tools


def test_the_make_targets_exist() -> None:
    targets = {line.split()[1] for line in commands() if line.startswith("make ")}
    assert targets >= {"run", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    assert "-m framework run $(BOT)" in MAKEFILE


def test_the_plain_way_installs_what_make_installs() -> None:
    (pip,) = [line for line in commands() if "pip install" in line]
    file = shlex.split(pip)[-1]
    assert Path(file).is_file()
    assert file in MAKEFILE


@pytest.mark.parametrize("line", ENDING)
def test_a_command_that_ends_works_as_shown(line: str, tmp_path: Path) -> None:
    arguments = shlex.split(line)
    environment = {**os.environ, "FRAMEWORK_DATA": str(tmp_path), "STREAM_API_KEY": "", "OPENAI_API_KEY": ""}
    result = subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    if arguments[0] == "reply":
        # The channel is new and empty: there is nothing to answer yet, and that is said.
        assert result.returncode == 2
        assert "nothing to answer" in result.stderr
    else:
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip()


def test_every_variable_of_the_settings_is_described() -> None:
    from framework.settings import Settings

    for name, field in Settings.model_fields.items():
        variable = f"FRAMEWORK_{name}".upper() if field.validation_alias else name.upper()
        assert f"`{variable}`" in README, variable
