"""Log lines hold no personal data, whoever writes them, and stay useful."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from framework.logs.log import configure
from framework.logs.personal import PersonalDataFilter

HERS = {
    "email": "anna.schmidt@example.org",
    "phone": "+49 151 23456789",
    "iban": "DE89 3704 0044 0532 0130 00",
    "card": "4111 1111 1111 1111",
    "ssn": "078-05-1120",
}
ALL = "Write to " + ", or ".join(HERS.values()) + " please"
FULLWIDTH = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in HERS["card"])


class Unusual:
    def __str__(self) -> str:
        return ALL


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def failed() -> Exception:
    """An error with a cause, both of which tell of a person."""
    error = ValueError(f"refused: {ALL}")
    error.__cause__ = KeyError(ALL)
    return error


@pytest.mark.parametrize("format_", ["console", "json"])
@pytest.mark.parametrize(
    "values",
    [
        {"error": ALL},
        {"nested": {"deep": [ALL, {ALL: (ALL,)}]}},
        {"exc_info": failed()},
        {"odd": Unusual()},
        {"error": ValueError(ALL)},
        {"question": ALL},
        {"error": ALL.encode()},
    ],
    ids=lambda values: next(iter(values)),
)
def test_no_value_of_an_event_shows_personal_data(format_: str, values: dict[str, Any]) -> None:
    stream = io.StringIO()
    configure(format_, stream=stream, texts=True)
    structlog.get_logger("framework.runtime").error("turn.failed", **values)
    for kind, hers in HERS.items():
        assert hers not in stream.getvalue()
        assert f"[{kind}]" in stream.getvalue()


@pytest.mark.parametrize("format_", ["console", "json"])
def test_nor_does_what_a_library_logs(format_: str) -> None:
    stream = io.StringIO()
    configure(format_, stream=stream)
    logging.getLogger("openai").warning("refused %s", ALL)
    logging.getLogger("aiohttp").error("broken", exc_info=failed())
    logging.getLogger("langchain").warning(ALL)
    for kind, hers in HERS.items():
        assert hers not in stream.getvalue()
        assert stream.getvalue().count(f"[{kind}]") >= 4


def test_digits_of_other_scripts_count() -> None:
    assert PersonalDataFilter()(None, "", {"error": f"card {FULLWIDTH}"}) == {"error": "card [card]"}


def test_what_an_operator_needs_stays() -> None:
    event = {
        "event": "turn.failed",
        "timestamp": "2026-12-01T04:10:23.081234Z",
        "channel": "messaging:4915123456789",
        "user": "0151-23456789",
        "message": "7f7c0a52-0151-4234-8151-234567890123",
        "seconds": 0.081,
        "status": 429,
        "error": "10.0.0.7:5432 refused; order 12345678 of 2026-12-01 04:10; look at https://example.org/a/1",
        "file": "bots/support/bot.yaml:12",
        "nothing": None,
        "ok": True,
    }
    assert PersonalDataFilter()(None, "", event) == event


def test_an_address_in_place_of_an_id_is_struck_out() -> None:
    assert PersonalDataFilter()(None, "", {"user": HERS["email"]}) == {"user": "[email]"}


@pytest.mark.parametrize("data", ["eve@example.com", "DE89 3704 0044 0532 0130 00", "+49 170 1234567"])
@pytest.mark.parametrize("before", [100, 7_985, 7_990, 7_995])
def test_long_texts_are_cut_and_data_at_the_cut_is_struck_whole(data: str, before: int) -> None:
    text = "w" * (before - 1) + " " + data + " end" * 100_000
    line = PersonalDataFilter()(None, "info", {"event": "x", "error": text})
    assert len(line["error"]) < 8_100
    assert line["error"].endswith(f" [cut: {len(text)} characters]")
    assert data[:4] not in line["error"]


def test_texts_of_usual_length_stay_whole() -> None:
    text = "word " * 1_600
    assert PersonalDataFilter()(None, "info", {"event": "x", "error": text})["error"] == text
