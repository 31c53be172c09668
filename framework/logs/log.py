"""Structured logs: for people at a terminal, or a JSON object a line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, TextIO

import structlog
from pydantic import SecretStr

from framework.errors import SettingsError
from framework.logs.console import ConsoleLine
from framework.logs.people import LineForPeople
from framework.logs.personal import PersonalDataFilter
from framework.logs.secrets import Redactor

_kept = {"texts": False}
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(
    format: str = "auto",  # noqa: A002 - what the setting is called
    level: str = "info",
    *,
    secrets: Sequence[SecretStr] = (),
    stream: TextIO | None = None,
    people: bool = False,
    texts: bool = False,
) -> None:
    """Set up all logs of the process, ours and those of libraries. It may be called again.

    `format` is console, json, or auto: console on a terminal, JSON elsewhere. `level` is debug, info, warning or error.
    Libraries log warnings only, and infos as well at level debug. Lines go to `stream` (stderr by default), so that
    stdout has only a command's result. `people`: on a terminal, at level info, a message has one line for people in the
    place of its turn's steps. `texts`: what people ask is logged, too. Personal data and secrets are struck out of all
    lines. Raises SettingsError for other values.
    """
    stream = stream or sys.stderr
    if format not in {"auto", "console", "json"}:
        raise SettingsError(
            f"{format!r} is not a log format.", where="FRAMEWORK_LOG_FORMAT", hint="Use console, json or auto."
        )
    if level.lower() not in _LEVELS:
        raise SettingsError(
            f"{level!r} is not a log level.", where="FRAMEWORK_LOG_LEVEL", hint=f"Use {', '.join(_LEVELS)}."
        )
    console = format == "console" or (format == "auto" and stream.isatty())
    threshold = _LEVELS[level.lower()]
    shared = _shared(console=console)
    _kept["texts"] = texts
    for_people = [LineForPeople()] if people and console and stream.isatty() and threshold == logging.INFO else []
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            *for_people,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # loggers are module constants: a cache would keep the first set-up
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, Redactor(secrets), console=console, colours=console and stream.isatty()))
    _route(handler, threshold)


def keeps_texts() -> bool:
    """Return whether the log is told to keep what people ask."""
    return _kept["texts"]


def _shared(*, console: bool) -> list[Any]:
    """Return the processors for our events and those of libraries."""
    timestamp = structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console)
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        timestamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _formatter(shared: list[Any], redact: Redactor, *, console: bool, colours: bool) -> logging.Formatter:
    render: Callable[..., Any] = (
        ConsoleLine(colours=colours)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)  # texts of people stay readable
    )

    def render_redacted(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        return redact(str(render(logger, method, event)))

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            PersonalDataFilter(),
            render_redacted,
        ],
    )


def _route(handler: logging.Handler, threshold: int) -> None:
    """Install one handler, at the root, and remove those of other loggers."""
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO if threshold == logging.DEBUG else max(threshold, logging.WARNING))
    logging.getLogger("framework").setLevel(threshold)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp", "apscheduler", "langchain", "openai"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it logs every tick
    logging.captureWarnings(capture=True)
