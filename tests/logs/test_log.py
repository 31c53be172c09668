"""Logs tell a story, to people and to programs, and keep secrets."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from framework.errors import SettingsError
from framework.logs.log import configure, keeps_texts

SECRET = 'k3y-with "quotes" and ü'
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiYWdlbnQtYm90In0.c2lnbmF0dXJlLWhlcmU"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, show = list(root.handlers), root.level, warnings.showwarning
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    warnings.showwarning = show
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_for_programs() -> None:
    stream = io.StringIO()
    configure("auto", stream=stream)
    with structlog.contextvars.bound_contextvars(bot="support_bot", channel="messaging:support-1"):
        structlog.get_logger("framework.runtime").info("turn.received", user="ann", text="grüße 👋\nzwei")
    (entry,) = lines(stream)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "event": "turn.received",
        "level": "info",
        "logger": "framework.runtime",
        "bot": "support_bot",
        "channel": "messaging:support-1",
        "user": "ann",
        "text": "grüße 👋\nzwei",
    }
    assert "grüße 👋" in stream.getvalue()


def test_one_aligned_line_for_people() -> None:
    stream = io.StringIO()
    configure("console", stream=stream)
    log = structlog.get_logger("framework.runtime")
    log.info("turn.posted", seconds=1.5, message="0123456789-abcdef", bot="support_bot", nothing=None)
    log.warning("connection.lost", reason="cut\noff")
    first, second = stream.getvalue().splitlines()
    assert first[8:] == "   turn.posted        bot=support_bot message=01234567 seconds=1.5"
    assert second[8:] == " ! connection.lost    reason='cut\\noff'"


def test_colours_only_on_a_terminal() -> None:
    plain, terminal = io.StringIO(), Terminal()
    configure("console", stream=plain)
    structlog.get_logger("framework").error("x")
    configure("auto", stream=terminal)
    structlog.get_logger("framework").error("x")
    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[31m" in terminal.getvalue()


def test_an_event_cannot_forge_another_line_or_colours_on_the_terminal() -> None:
    stream = io.StringIO()
    configure("console", stream=stream)
    structlog.get_logger("framework").info("turn.received", user="ann\n12:00:00 turn.posted\x1b[31m")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("format_", ["console", "json"])
def test_secrets_are_struck_out_wherever_they_stand(format_: str) -> None:
    stream = io.StringIO()
    configure(format_, stream=stream, secrets=[SecretStr(SECRET), SecretStr("abc")])
    log = structlog.get_logger("framework")
    log.info("a", key=SECRET, nested={"deep": [SECRET]}, url=f"wss://x/connect?authorization={TOKEN}&api_key=k")
    log.info("abc stays", header=f"Authorization: Bearer {TOKEN}", openai="sk-proj-0123456789abcdefghij")
    log.error("b", exc_info=ValueError(f"refused {SECRET}"))
    logging.getLogger("aiohttp.client").warning("token %s", TOKEN)
    text = stream.getvalue()
    for secret in (SECRET, json.dumps(SECRET)[1:-1], "k3y-with", TOKEN, TOKEN.split(".")[2], "sk-proj"):
        assert secret not in text
    assert "abc stays" in text
    assert text.count("[secret]") + text.count("[token]") + text.count("[key]") >= 6


def test_libraries_are_heard_from_warning_on_through_the_same_door() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("apscheduler.executors").info("ran")
    logging.getLogger("langchain").warning("odd %s", "thing")
    (entry,) = lines(stream)
    assert (entry["event"], entry["logger"], entry["level"]) == ("odd thing", "langchain", "warning")


def test_levels() -> None:
    stream = io.StringIO()
    configure("json", "warning", stream=stream)
    structlog.get_logger("framework.x").info("unheard")
    structlog.get_logger("framework.x").warning("heard")
    configure("json", "debug", stream=stream)
    structlog.get_logger("framework.x").debug("heard too")
    assert [entry["event"] for entry in lines(stream)] == ["heard", "heard too"]


def test_set_up_twice_every_line_comes_once() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    configure("json", stream=stream)
    structlog.get_logger("framework").info("once")
    assert len(lines(stream)) == 1


def test_a_traceback_is_part_of_its_event() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    structlog.get_logger("framework").error("turn.failed", exc_info=ZeroDivisionError("oops"))
    (entry,) = lines(stream)
    assert "ZeroDivisionError: oops" in entry["exception"]


@pytest.mark.parametrize(("format_", "level"), [("xml", "info"), ("json", "loud")])
def test_a_wrong_setting_says_what_is_right(format_: str, level: str) -> None:
    with pytest.raises(SettingsError, match="FRAMEWORK_LOG_"):
        configure(format_, level)


def story(**asked: str) -> None:
    """The log of three messages: answered, not answered, and one whose turn goes on."""
    log = structlog.get_logger("framework.runtime")
    with structlog.contextvars.bound_contextvars(bot="b", channel="messaging:support-1", message="m1"):
        log.info("turn.received", user="maria", origin="live", **asked)
        log.info("turn.decided", answer=True, trigger="every_message")
        log.info("turn.answered", outcome="answered", seconds=0.01, sources=["warranty.md"])
        log.info("turn.posted", seconds=0.081, characters=10, parts=1)
    with structlog.contextvars.bound_contextvars(bot="b", channel="messaging:support-1", message="m2"):
        log.info("turn.received", user="eva\x1b[31m", origin="live")
        log.info("turn.decided", answer=False, reason="outside the hours")
    with structlog.contextvars.bound_contextvars(bot="b", channel="messaging:support-1", message="m3"):
        log.info("turn.received", user="tom", origin="live")
        log.warning("turn.postponed", seconds=3.0)
        log.info("handover.opened", kind="phrase")
        log.info("turn.decided", answer=False, reason="the customer asked for a person")


def test_a_terminal_has_one_line_for_each_message() -> None:
    stream = Terminal()
    configure("auto", stream=stream, people=True)
    story()
    shown = [line.replace("\x1b[2m", "").replace("\x1b[0m", "") for line in stream.getvalue().splitlines()]
    assert shown[0][5:] == " maria in messaging:support-1 -> answered from warranty.md, 0.08 s"
    assert shown[1][5:] == " eva�[31m in messaging:support-1 -> no answer: outside the hours"
    assert "turn.postponed" in shown[2]
    assert "handover.opened" in shown[3]
    assert shown[4][5:] == " tom in messaging:support-1 -> handed over: the customer asked for a person"
    assert len(shown) == 5


def test_the_question_is_there_only_where_the_log_is_told_to_keep_it() -> None:
    stream = Terminal()
    configure("auto", stream=stream, people=True, texts=True)
    assert keeps_texts()
    story(question="How long\nis the warranty?")
    assert " maria: How long is the warranty? -> answered from warranty.md, 0.08 s" in stream.getvalue()
    configure("auto", stream=stream, people=True)
    assert not keeps_texts()


@pytest.mark.parametrize(("level", "stream"), [("debug", Terminal()), ("info", io.StringIO())])
def test_every_step_is_there_at_level_debug_and_without_a_terminal(level: str, stream: io.StringIO) -> None:
    configure("auto", level, stream=stream, people=True)
    story()
    assert "turn.answered" in stream.getvalue()
