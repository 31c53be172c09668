"""What the environment may say, and what is said of a mistake in it."""

from __future__ import annotations

import pytest

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
