"""What a process needs before its first bot: a data folder of its own, and logs without secrets."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import FrameworkError, SettingsError, UsageError
from framework.private_files import tighten

if TYPE_CHECKING:
    from types import TracebackType

    from pydantic import SecretStr

    from framework.settings import Settings


_SHORTEST_VALUE = 8
"""Characters of a header's value that is struck out by itself."""


def prepare_data(folder: Path) -> None:
    """Make sure that the data folder exists, can be written, and can be read by nobody else. Raises SettingsError."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
        tighten(folder)
    except OSError as error:
        raise SettingsError(
            f"The data folder cannot be written: {error.strerror}",
            where=str(folder),
            hint="Set FRAMEWORK_DATA to a folder that this user may write.",
        ) from None


def logging_for(settings: Settings, *, level: str | None = None, people: bool = False) -> None:
    """Set up logs as the environment says, with every known secret struck out. `level` overrides what is left out.
    `people`: on a terminal, each message has one line.
    """
    from pydantic import SecretStr

    from framework.environment import hidden_values
    from framework.logs.log import configure

    known = (
        settings.stream_api_secret,
        settings.openai_api_key,
        settings.database_url,
        settings.journal,
        *_passwords(settings),
    )
    others = map(SecretStr, (part for value in hidden_values().values() for part in (value, *_header_values(value))))
    secrets = [secret for secret in (*known, *others) if secret]
    configure(
        settings.log_format, level or settings.log_level, secrets=secrets, people=people, texts=settings.log_texts
    )
    if level and sys.stderr.isatty():
        # Reading articles for the first time takes half a minute: a person who waits for it should know.
        logging.getLogger("framework.agent.knowledge").setLevel(logging.INFO)


def _header_values(text: str) -> list[str]:
    """What stands behind `=` in a list of headers, as OpenTelemetry writes them: `authorization=Bearer xyz,x=abc`."""
    pairs = [part.partition("=") for part in text.split(",")]
    return [value.strip() for name, equals, value in pairs if equals and len(value.strip()) >= _SHORTEST_VALUE]


def require_no_loop(what: str, hint: str) -> None:
    """Raise UsageError with these sentences if an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(what, hint=hint)


def tell_errors() -> None:
    """Have the program end with a sentence instead of a traceback, for an error that a person can act on."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, FrameworkError):
            sys.stderr.write(f"error: {error}\n{_called_at(trace)}")
        else:
            before(kind, error, trace)

    sys.excepthook = hook


def _called_at(trace: TracebackType | None) -> str:
    """The program's own line that led to the error: the last one before ours."""
    room = Path(__file__).parents[1]
    lines = [frame for frame, _ in traceback.walk_tb(trace) if not Path(frame.f_code.co_filename).is_relative_to(room)]
    numbers = [number for frame, number in traceback.walk_tb(trace) if frame in lines]
    return f"  Called at {lines[-1].f_code.co_filename}:{numbers[-1]}.\n" if lines else ""


def _passwords(settings: Settings) -> list[SecretStr]:
    """Those of the database and of NATS, which an error of a driver might show alone."""
    from urllib.parse import unquote, urlsplit

    from pydantic import SecretStr

    addresses = [one.get_secret_value() for one in (settings.database_url, settings.journal) if one is not None]
    parts = [part if "://" in part else f"nats://{part}" for one in addresses for part in one.split(",")]
    return [SecretStr(unquote(password)) for part in parts if (password := urlsplit(part).password)]
