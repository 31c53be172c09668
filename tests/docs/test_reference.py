"""The generated pages say what the program says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from framework.cli.main import app
from framework.settings import Settings
from scripts import reference


@pytest.mark.parametrize(("file", "text"), reference.pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_the_page_is_current(file: Path, text: str) -> None:
    assert file.read_text(encoding="utf-8") == text, "run: python -m scripts.reference"


def test_every_command_and_every_option_is_there() -> None:
    page = reference.commands_page()
    assert "## `turns retry`" in page

    def look(command: Any) -> None:
        for parameter in command.params:
            if parameter.opts[0].startswith("--") and not parameter.hidden:
                assert parameter.opts[0] in page, parameter.opts
        for name, sub in getattr(command, "commands", {}).items():
            assert sub.hidden or f"{name}`\n" in page, name
            look(sub)

    root: Any = typer.main.get_command(app)
    for command in root.commands.values():
        look(command)


def test_a_setting_is_told_by_the_variable_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "| `FRAMEWORK_ENV` |" in reference.settings_page()
    monkeypatch.setenv(reference.variable_of("environment"), "production")
    assert Settings().environment == "production"


def test_defaults_bounds_and_variables_are_told() -> None:
    page = reference.commands_page()
    assert "| `--port NUMBER` | 8840 | Port to listen on; 0 takes a free one. |" in page
    assert "From 1 to 300." in page
    assert "Also by `FRAMEWORK_SANDBOX_API_KEY`." in page
    assert "--until-unused" not in page  # hidden: for the process that starts it


def test_default_and_example_of_a_key_are_told_apart() -> None:
    line = next(line for line in reference.keys_page().splitlines() if line.startswith("| `user_minute`"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2:4] == ["`20`", "`60`"]
