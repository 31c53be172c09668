"""FRAMEWORK_ENV=production: nothing that would fall back to a sandbox starts without a Stream app."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from framework.cli.main import app
from framework.errors import SettingsError
from framework.settings import load_settings


@pytest.fixture(autouse=True)
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "STREAM_BASE_URL", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path))
    monkeypatch.setenv("FRAMEWORK_ENV", "production")


@pytest.mark.parametrize(
    "command",
    [
        ["run", "support_bot"],
        ["chat", "support_bot"],
        ["ask", "support_bot", "Hello"],
        ["reply", "support_bot", "--channel", "messaging:support-1"],
        ["record", "support_bot", "--channel", "messaging:support-1"],
        ["mcp"],
        ["ops", "call", "GetApp"],
    ],
    ids=" ".join,
)
def test_commands_name_what_is_missing_and_start_no_sandbox(command: list[str], tmp_path: Path) -> None:
    error = CliRunner().invoke(app, command).exception
    assert isinstance(error, SettingsError)
    assert "STREAM_API_KEY and STREAM_API_SECRET" in error.what
    assert not (tmp_path / "sandbox.env").exists()


def test_a_secret_without_its_key_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_API_SECRET_FILE", str(tmp_path / "secret"))
    error = CliRunner().invoke(app, ["run", "support_bot"]).exception
    assert isinstance(error, SettingsError)
    assert "STREAM_API_KEY is not set" in error.what


def test_check_finds_it() -> None:
    done = CliRunner().invoke(app, ["check", "digest_bot"])
    assert done.exit_code == 1
    assert "FRAMEWORK_ENV is production" in done.output


def test_what_needs_no_chat_goes_on() -> None:
    assert CliRunner().invoke(app, ["turns"]).exit_code == 0
    assert CliRunner().invoke(app, ["explain", "support_bot", "messaging:support-1"]).exit_code == 0


@pytest.mark.parametrize("value", ["prod", "Production", "staging"])
def test_other_values_are_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_ENV", value)
    with pytest.raises(SettingsError, match="FRAMEWORK_ENV"):
        load_settings()


def test_development_is_the_default_and_the_image_is_for_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRAMEWORK_ENV")
    assert load_settings().environment == "development"
    assert "FRAMEWORK_ENV=production" in Path("deploy/Dockerfile").read_text(encoding="utf-8")
