"""What the environment may say, and what is said of a mistake in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from framework.errors import SettingsError
from framework.settings import load_settings


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "STREAM_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize("name", ["STREAM_BASE_URL", "OPENAI_BASE_URL"])
@pytest.mark.parametrize("value", ["127.0.0.1:8830", "localhost", "https://", "ftp://example.com"])
def test_an_address_without_its_scheme_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: must be an address such as"):
        load_settings()


def test_the_chat_service_has_no_path_and_a_model_server_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", " http://127.0.0.1:8000/v1 ")
    monkeypatch.setenv("STREAM_BASE_URL", "http://127.0.0.1:8830/")
    settings = load_settings()
    assert (settings.openai_base_url, settings.base_url) == ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8830")
    monkeypatch.setenv("STREAM_BASE_URL", "http://127.0.0.1:8830/chat")
    with pytest.raises(SettingsError, match="without a path"):
        load_settings()


def test_half_a_key_names_the_other_half_and_shows_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_API_SECRET", "a-secret-value")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "STREAM_API_KEY is not set" in str(caught.value)
    assert "a-secret-value" not in str(caught.value)


def test_the_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a-secret-value\n")
    monkeypatch.setenv("STREAM_API_KEY", "key")
    monkeypatch.setenv("STREAM_API_SECRET_FILE", str(file))
    settings = load_settings()
    assert settings.stream_api_secret is not None
    assert settings.stream_api_secret.get_secret_value() == "a-secret-value"
    assert "a-secret-value" not in repr(settings)


def test_the_models_key_and_the_databases_address_may_be_in_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, text in (("OPENAI_API_KEY", "sk-word"), ("DATABASE_URL", "postgresql://me:pass-word@db/app")):
        (tmp_path / name).write_text(f"{text}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    settings = load_settings()
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-word"
    assert settings.database.get_secret_value() == "postgresql://me:pass-word@db/app"
    assert "word" not in repr(settings)
    monkeypatch.setenv("DATABASE_URL", "sqlite:////tmp/other.db")
    assert load_settings().database.get_secret_value() == "sqlite:////tmp/other.db", "the variable itself goes first"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "DATABASE_URL"])
def test_a_file_that_holds_no_such_thing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match=f"{name}_FILE must name a text file") as caught:
        load_settings()
    assert caught.value.where == str(tmp_path / "missing")
    monkeypatch.delenv(f"{name}_FILE")
    (tmp_path / "wrong").write_text("mysql://me:pass-word@db/app")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "wrong"))
    with pytest.raises(SettingsError, match="What the file holds must be postgresql://") as wrong:
        load_settings()
    assert "pass-word" not in str(wrong.value)


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("\n", "is empty")])
def test_a_file_without_a_secret_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("STREAM_API_KEY", "key")
    monkeypatch.setenv("STREAM_API_SECRET_FILE", str(file))
    with pytest.raises(SettingsError, match=words):
        load_settings()


class Ring(KeyringBackend):
    """A keyring with one secret in it."""

    priority = 1
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked
        return "a-secret-value" if (service, username) == ("stream", "key") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


def test_the_secret_may_be_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring()  # type: ignore[no-untyped-call]  # keyring declares no types for it
    before = keyring.get_keyring()
    keyring.set_keyring(ring)
    try:
        monkeypatch.setenv("STREAM_API_KEY", "key")
        monkeypatch.setenv("STREAM_API_SECRET_KEYRING", "stream")
        settings = load_settings()
        assert settings.stream_api_secret is not None
        assert settings.stream_api_secret.get_secret_value() == "a-secret-value"
        monkeypatch.setenv("STREAM_API_SECRET_KEYRING", "elsewhere")
        with pytest.raises(SettingsError, match="python -m keyring set elsewhere key"):
            load_settings()
        ring.locked = True
        with pytest.raises(SettingsError, match="KeyringLocked"):
            load_settings()
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize("url", ["postgresql://u:hush@h:5432/bots", "postgres://h/bots", "sqlite:///turns.db"])
def test_a_database_is_named_by_its_address_which_stays_secret(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings = load_settings()
    assert settings.database.get_secret_value() == url
    assert url not in repr(settings)


@pytest.mark.parametrize("url", ["hush", "mysql://u:hush@h/bots", "postgresql://u:hush@h", "sqlite://"])
def test_an_address_of_no_database_is_refused_without_repeating_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        load_settings()
    assert "hush" not in str(caught.value)


def test_turns_are_kept_in_the_data_folder_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_DATA", "/data")
    monkeypatch.setenv("DATABASE_URL", " ")
    assert load_settings().database.get_secret_value() == "sqlite:////data/engine.db"


def test_events_come_by_what_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load_settings().by_websocket, load_settings().by_webhook) == (True, False)
    monkeypatch.setenv("FRAMEWORK_WEBHOOK", "127.0.0.1:0")
    assert (load_settings().by_websocket, load_settings().by_webhook) == (True, True)
    monkeypatch.setenv("FRAMEWORK_INGRESS", "webhook")
    assert (load_settings().by_websocket, load_settings().by_webhook) == (False, True)
    monkeypatch.delenv("FRAMEWORK_WEBHOOK")
    with pytest.raises(SettingsError, match="FRAMEWORK_INGRESS is webhook"):
        load_settings()


LINES = "export STREAM_API_KEY=\"key\"  # of the app\nSTREAM_API_SECRET='the-secret'\nOPENAI_MODEL=modèle\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_env_file_is_read_however_it_was_saved(
    encoding: str, newline: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(LINES.replace("\n", newline).encode(encoding))
    settings = load_settings()
    assert (settings.stream_api_key, settings.openai_model) == ("key", "modèle")
    assert settings.stream_api_secret is not None
    assert settings.stream_api_secret.get_secret_value() == "the-secret"


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\x00\x00\x00", b"A=1\n" + b"\0" * 101, b"x" * 2_000_000])
def test_a_file_that_is_no_env_file_is_named(data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(data)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert ".env" in str(caught.value)


@pytest.mark.parametrize("written", ["sk-abc123\n", "  sk-abc123 ", '"sk-abc123"', "“sk-abc123”", "sk-abc123\r\n"])
def test_a_key_is_taken_without_what_stands_around_it(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", written)
    key = load_settings().openai_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-abc123"


@pytest.mark.parametrize("written", ["sk-abc 123", "sk-abc\n123", "sk-аbc123", "sk-abc–123"])
def test_a_key_that_no_header_can_hold_is_named_and_not_shown(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", written)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        load_settings()
    assert "123" not in str(caught.value)


def test_the_home_folder_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FRAMEWORK_DATA", "~/bots")
    assert load_settings().data == tmp_path / "bots"
    monkeypatch.setenv("DATABASE_URL", "sqlite:///~/engine.db")
    assert load_settings().database.get_secret_value() == f"sqlite:///{tmp_path / 'engine.db'}"
    monkeypatch.setenv("FRAMEWORK_DATA", "~nobody-of-that-name/bots")
    with pytest.raises(SettingsError, match="FRAMEWORK_DATA"):
        load_settings()


@pytest.mark.parametrize(
    "name",
    [
        "FRAMEWORK_DATA",
        "FRAMEWORK_DRAIN",
        "FRAMEWORK_SLOTS",
        "FRAMEWORK_JOURNAL",
        "FRAMEWORK_JOURNAL_CREDENTIALS",
        "FRAMEWORK_JOURNAL_REPLICAS",
        "FRAMEWORK_RELOAD",
        "FRAMEWORK_LOG_LEVEL",
        "FRAMEWORK_INGRESS",
        "DATABASE_URL",
    ],
)
@pytest.mark.parametrize("blank", ["", "  ", '""'])
def test_an_empty_value_means_the_default(name: str, blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name, raising=False)
    default = load_settings()
    monkeypatch.setenv(name, blank)
    assert load_settings() == default


@pytest.mark.parametrize(
    "line",
    [
        "set OPENAI_API_KEY=sk-abcdefghijkl",
        '$env:OPENAI_API_KEY="sk-abcdefghijkl"',
        "OPENAI_API_KEY: sk-abcdefghijkl",
        'OPENAI_API_KEY="sk-abcdefghijkl',
    ],
)
def test_a_line_about_a_variable_of_ours_that_cannot_be_read_is_named(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"just words\nOTHER: 5\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert ".env:3: " in str(caught.value)
    assert "OPENAI_API_KEY=value" in str(caught.value)
    assert "abcdefghijkl" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://127.0.0.1:1/v1/chat/completions", "http://127.0.0.1:1/v1"),
        ("http://127.0.0.1:1/v1/completions/", "http://127.0.0.1:1/v1"),
        ("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
    ],
)
def test_the_address_of_one_request_is_that_of_its_server(
    given: str, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", given)
    assert load_settings().openai_base_url == read


@pytest.mark.parametrize("port", ["abc", "99999", "0"])
def test_an_address_whose_port_is_none_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
        load_settings()


def test_the_journal_is_found_though_children_do_not_inherit_it(tmp_path: Path) -> None:
    credentials = tmp_path / "nats.creds"
    program = (
        "from framework.environment import hide_secrets; hide_secrets()\n"
        "from framework.settings import load_settings; import os, subprocess, sys\n"
        "settings = load_settings()\n"
        "print(settings.journal.get_secret_value(), settings.journal_credentials, settings.journal_replicas)\n"
        "subprocess.run([sys.executable, '-c', 'import os; print(os.environ.get(\"FRAMEWORK_JOURNAL\"))'])\n"
    )
    environment = {
        **os.environ,
        "FRAMEWORK_JOURNAL": "nats://me:secret@one:4222,two:4222",
        "FRAMEWORK_JOURNAL_CREDENTIALS": str(credentials),
        "FRAMEWORK_JOURNAL_REPLICAS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-u", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["nats://me:secret@one:4222,two:4222", str(credentials), "1", "None"]


@pytest.mark.parametrize("wrong", ["localhost:4222", "http://localhost", "nats://", "nats://a,,b"])
def test_the_address_of_the_journal_is_checked_and_not_repeated(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_JOURNAL", wrong)
    with pytest.raises(SettingsError, match="nats://HOST:4222") as caught:
        load_settings()
    assert f" {wrong}" not in str(caught.value).replace("nats://HOST", "")
