"""Wrong words, completion, and the name by which hints call the program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from framework.called import called_as
from framework.cli.main import main


def ran(monkeypatch: pytest.MonkeyPatch, *words: str, program: str = "/usr/bin/agents-in-channels") -> int:
    """Run the program as a shell would; returns its exit code."""
    monkeypatch.setattr(sys, "argv", [program, *words])
    for name in ("keep_private", "hide_secrets"):  # they change the whole process, which is the tests' here
        monkeypatch.setattr(f"framework.cli.main.{name}", lambda: None)
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["run"], "error: Missing argument 'BOT'.\n  `agents-in-channels run --help` tells what it takes.\n"),
        (["nix"], "error: No such command 'nix'.\n  `agents-in-channels --help` tells what it takes.\n"),
        (["turns", "show"], "error: Missing argument 'KEY'.\n  `agents-in-channels turns show --help`"),
        (["ask", "support_bot", "--nix"], "error: No such option: --nix.\n"),
        (["run", "support_bot", "--port", "x"], "error: Invalid value for '--port'"),
        (["run", "nobody_bot"], "error: There is no bot 'nobody_bot'"),
    ],
)
def test_all_errors_have_one_form(
    words: list[str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ran(monkeypatch, *words) == 2
    assert capsys.readouterr().err.startswith(what)


@pytest.mark.parametrize(
    ("shell", "variables"),
    [
        ("bash", {"COMP_WORDS": "agents-in-channels {}", "COMP_CWORD": "{n}"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "agents-in-channels {}"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "agents-in-channels {}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
@pytest.mark.parametrize(("typed", "completed"), [("turns wh", "why"), ("run supp", "support_bot")])
def test_a_shell_completes_commands_and_bots(
    shell: str,
    variables: dict[str, str],
    typed: str,
    completed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(typed, n=len(typed.split())))
    monkeypatch.setenv("_AGENTS_IN_CHANNELS_COMPLETE", f"complete_{shell}")
    assert ran(monkeypatch) == 0
    said = capsys.readouterr().out
    assert completed in said
    assert "sandbox" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_that_of_the_installed_program(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    assert ran(monkeypatch, "--show-completion", shell, program="framework/__main__.py") == 0
    said = capsys.readouterr().out
    assert "agents-in-channels" in said
    assert "_AGENTS_IN_CHANNELS_COMPLETE" in said


def test_hints_call_the_program_as_it_was_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/maria/.local/bin/agents-in-channels", "new"])
    assert called_as() == "agents-in-channels"
    monkeypatch.setattr(sys, "argv", ["/somewhere/framework/__main__.py", "new"])
    monkeypatch.chdir(tmp_path)
    assert called_as() == "python -m framework"
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    assert called_as() == ".venv/bin/python -m framework"
