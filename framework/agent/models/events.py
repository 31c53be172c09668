"""The body of an answer, as the JSON objects in it: a stream of events, one JSON object, or one a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

_DONE = b"[DONE]"
_FIELD = b"data:"
_OTHER_FIELDS = (b":", b"event:", b"id:", b"retry:")
MOST_BYTES = 32_000_000
"""Bytes of one answer, and of one line of it, that are read."""


class NotAnAnswerError(ValueError):
    """What a server sent holds no JSON object. The text is the beginning of it."""


class Body:
    """Reads the objects of one answer from its bytes as they come. `done`: the server said that it is complete."""

    def __init__(self) -> None:
        self.done = False
        self._size = 0
        self._pieces: list[bytes] = []  # of the line that has not ended yet
        self._loose: list[bytes] = []  # lines that are not events: a server may send plain JSON instead of a stream
        self._part: list[bytes] = []  # the lines so far of an event that is written over several
        self._found = False

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """Yield each JSON object that ends in this piece. Raises ValueError for one that is broken."""
        piece = piece if self._size else piece.removeprefix(codecs.BOM_UTF8)
        self._size += len(piece)
        if self._size > MOST_BYTES:
            raise NotAnAnswerError("an answer of more than 32 MB")
        for line in self._lines(piece):
            value = self._value(line)
            if value is not None:
                yield value

    def finish(self) -> Iterator[dict[str, Any]]:
        """Yield what is left at the end. Raises NotAnAnswerError if the body held no object at all."""
        if self._pieces and (value := self._value(b"".join(self._pieces))) is not None:
            yield value
        if self._part:
            yield _object(b"\n".join(self._part))
        if not self._found and not self.done:
            for value in _loose(b"\n".join(line for line in self._loose if not line.startswith(_OTHER_FIELDS))):
                self.done = True
                yield value

    def _lines(self, piece: bytes) -> list[bytes]:
        """Whole lines. They end with CR, LF or both, and with nothing else: JSON may hold other separators."""
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = piece.split(b"\n")
        if lines:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces.clear()
        if rest:
            self._pieces.append(rest)
        return lines

    def _value(self, line: bytes) -> dict[str, Any] | None:
        """The object that ends with this line."""
        value = None
        if line.startswith(_FIELD):
            value = self._data(line[len(_FIELD) :].strip())
            self._found = self._found or bool(self._part) or value is not None
        elif line.strip():
            self._loose.append(line)
        elif self._part:
            value = _object(b"\n".join(self._part))
            self._part.clear()
        return value

    def _data(self, data: bytes) -> dict[str, Any] | None:
        """The object of one line of data; None for one of several lines, which are kept."""
        if data.startswith(_DONE):
            self.done = True
        if not data or data == b"null" or self.done:
            return None
        value = None if self._part else _event(data)
        if value is None:
            self._part.append(data)
        return value


def _event(line: bytes) -> dict[str, Any] | None:
    """The object that a line of data is; None for the first of several lines, which are one object together."""
    try:
        return _object(line)
    except json.JSONDecodeError:
        return None


def _loose(text: bytes) -> list[dict[str, Any]]:
    """One JSON object over any number of lines, or one a line."""
    stripped = text.strip()
    if not stripped:
        return []
    try:
        return [_object(stripped)]
    except ValueError:
        pass  # then each line has to be one
    try:
        return [_object(line) for line in stripped.split(b"\n") if line.strip()]
    except ValueError:
        raise NotAnAnswerError(stripped[:400].decode("utf-8", "replace")) from None


def _object(data: bytes) -> dict[str, Any]:
    value = json.loads(data.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        raise NotAnAnswerError(data[:400].decode("utf-8", "replace"))
    return value
