"""Commands, options and Python on the pages exist: what a reader copies is known to the program."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from framework.cli.main import app

PAGES = sorted(map(str, [*Path("docs").rglob("*.md"), Path("README.md"), Path("CONTRIBUTING.md"), Path("SECURITY.md")]))
COMMAND = re.compile(r"(?:python -m framework|agents-in-channels) ((?:[^`\n#|;\\]|\\\n)+)")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def unknown(line: str) -> str | None:
    """The first word of a command line that the program does not know; None for a right one."""
    command: Any = typer.main.get_command(app)
    words = line.split()
    while words and getattr(command, "commands", None) and not words[0].startswith("-"):
        if words[0] not in command.commands:
            # A group with a default command takes arguments, too; words in capitals stand for a command.
            return None if words[0].isupper() or words[0] in {"...", "are"} else words[0]
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    used = [
        word.partition("=")[0].rstrip(".,)'\"") for word in words if re.fullmatch(r"--?[a-z][\w-]*[=.,)'\"]?.*", word)
    ]
    return next((option for option in used if option not in options), None)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_is_known(page: str) -> None:
    for line in COMMAND.findall(Path(page).read_text(encoding="utf-8")):
        assert unknown(line) is None, f"{page}: {line!r}: {unknown(line)!r}"


def test_commands_were_looked_at_and_mistakes_are_found() -> None:
    found = [line for page in PAGES for line in COMMAND.findall(Path(page).read_text(encoding="utf-8"))]
    assert len(found) > 60
    assert unknown("chek my_bot") == "chek"
    assert unknown("check my_bot --onlin") == "--onlin"
    assert unknown("turns retry KEY --al") == "--al"
    assert unknown("ops call QueryChannels --arg limit=5") is None


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_can_be_read(page: str) -> None:
    for block in PYTHON.findall(Path(page).read_text(encoding="utf-8")):
        compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
