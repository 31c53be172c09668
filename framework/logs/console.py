"""A log line for a terminal: time, event, then key=value, aligned, in colours if the terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

_RESET, _DIM, _BOLD = "\x1b[0m", "\x1b[2m", "\x1b[1m"
_LEVELS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
_MARKS = {"debug": "·", "info": " ", "warning": "!", "error": "✗", "critical": "✗"}
_EVENT_WIDTH = 18
_FIRST = ("bot", "channel", "message", "reply")
_LAST = frozenset({"event", "level", "timestamp", "logger", "exception", "stack"})
_ID_LENGTH = 8


class ConsoleLine:
    """A structlog renderer. It cuts ids of messages to their first characters; JSON lines have them whole."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        """Return one line, with a traceback below it if there is one."""
        if "line" in event:
            return f"{self._paint(str(event.get('timestamp', ''))[:5], _DIM)} {event['line']}"
        level = str(event.get("level", "info"))
        mark = self._paint(_MARKS.get(level, " "), _LEVELS.get(level, ""))
        name = self._paint(f"{event.get('event', '')!s:<{_EVENT_WIDTH}}", _BOLD)
        line = f"{self._paint(str(event.get('timestamp', '')), _DIM)} {mark} {name} {self._pairs(event)}".rstrip()
        return "\n".join([line, *(str(event[key]) for key in ("stack", "exception") if event.get(key))])

    def _pairs(self, event: Mapping[str, Any]) -> str:
        keys = [key for key in _FIRST if key in event]
        keys += [key for key in event if key not in _LAST and key not in _FIRST]
        return " ".join(
            self._paint(f"{key}=", _DIM) + _value(key, event[key]) for key in keys if event[key] is not None
        )

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours and colour else text


def _value(key: str, value: object) -> str:
    text = str(value)
    if key in {"message", "reply"}:
        return text[:_ID_LENGTH]
    # One event is one line: texts of people are shown without line breaks and control characters.
    return text if text.isprintable() and " " not in text and text else repr(value)
