"""What the environment may say, and what is said of a mistake in it."""

from __future__ import annotations

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
