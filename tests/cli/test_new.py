"""`new`: a folder that is right at once, also far from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from framework.cli.main import app
from framework.cli.new import TEMPLATES, new
from framework.definition.loader import load_bot
from framework.errors import UsageError
from framework.testing.scenario import load_tests
from framework.tools.registry import load_tools

ROOT = Path(__file__).resolve().parents[2]


def framework(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        timeout=100,
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_bot_of_each_template_is_whole(tmp_path: Path, template: str, capsys: pytest.CaptureFixture[str]) -> None:
    new("my_bot", template, tmp_path / "bots")
    folder = tmp_path / "bots" / "my_bot"
    assert f"python -m framework run {folder}" in capsys.readouterr().out
    bot = load_bot(str(folder))
    assert not bot.warnings
    assert bot.definition.identity.user_id == "my-bot"
    assert len(bot.knowledge_files) in {2, 3}
    assert [tool.name for tool in load_tools(bot)] == list(bot.definition.tool_names)
    assert len(load_tests(folder)) == 2
    assert (tmp_path / "bots" / "bot.schema.json").is_file()
    texts = [file.read_text(encoding="utf-8") for file in folder.rglob("*") if file.suffix != ".pyc" and file.is_file()]
    assert not [text for text in texts if "__TITLE__" in text or "__SLUG__" in text or "__NAME__" in text]


def test_it_passes_check_from_the_folder_it_was_made_in(environment: dict[str, str], tmp_path: Path) -> None:
    made = framework(environment, tmp_path, "new", "my_bot")
    assert "python -m framework run my_bot " in made.stdout, made.stderr
    result = framework(environment, tmp_path, "check", "my_bot", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert {finding["ok"] for finding in json.loads(result.stdout)} == {True}


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_masters_its_own_conversations(
    environment: dict[str, str], tmp_path: Path, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    new("my_bot", template, tmp_path / "bots")
    played = CliRunner().invoke(app, ["test", str(tmp_path / "bots" / "my_bot"), "--json"], catch_exceptions=False)
    assert played.exit_code == 0, played.output
    assert len(json.loads(played.stdout)) == 2


@pytest.mark.parametrize("name", ["My Bot", "../bot", "1bot", "", "a" * 41, "böt"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a bot") as caught:
        new(name, "support", tmp_path / "bots")
    assert "my_bot" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my_bot").mkdir()
    (tmp_path / "my_bot" / "bot.yaml").write_text("description: mine\n")
    with pytest.raises(UsageError, match="is there already"):
        new("my_bot", "support", tmp_path)
    assert (tmp_path / "my_bot" / "bot.yaml").read_text() == "description: mine\n"


def test_an_unknown_template_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no template 'suport'") as caught:
        new("my_bot", "suport", tmp_path / "bots")
    assert "Did you mean 'support'?" in str(caught.value)
