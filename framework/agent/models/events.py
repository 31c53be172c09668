"""The body of an answer, as the JSON objects in it: a stream of events, one JSON object, or one a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"
_FIELD = b"data:"
_OTHER_FIELDS = (b":", b"event:", b"id:", b"retry:")
MOST_BYTES = 32_000_000
"""Bytes of one answer, and of one line of it, that are read."""


class NotAnAnswerError(ValueError):
    """What a server sent holds no JSON object. The text is the beginning of it."""


@dataclass
class Body:
    """Reads the objects of one answer. `done`: the server said that it is complete."""

    done: bool = False

    async def objects(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield each JSON object of the body. Raises NotAnAnswerError if there is none, ValueError for a broken one."""
        loose: list[bytes] = []  # lines that are no event: a server that was asked for a stream may send plain JSON
        part: list[bytes] = []  # the lines so far of an event that is written over several
        found = False
        async for line in _lines(pieces):
            if line.startswith(_FIELD):
                value = self._data(line[len(_FIELD) :].strip(), part)
                found = found or bool(part) or value is not None
                if value is not None:
                    yield value
            elif line.strip():
                loose.append(line)
            elif part:
                yield _object(b"\n".join(part))
                part.clear()
        if part:
            yield _object(b"\n".join(part))
        if not found and not self.done:
            for value in _loose(b"\n".join(line for line in loose if not line.startswith(_OTHER_FIELDS))):
                self.done = True
                yield value

    def _data(self, data: bytes, part: list[bytes]) -> dict[str, Any] | None:
        """The object of one line of data; None for one of several lines, which are added to `part`."""
        if data.startswith(DONE.encode()):
            self.done = True
        if not data or data == b"null" or self.done:
            return None
        value = None if part else _event(data)
        if value is None:
            part.append(data)
        return value


def _event(line: bytes) -> dict[str, Any] | None:
    """The object that a line of data is; None for the first of several lines, which are one object together."""
    try:
        return _object(line)
    except json.JSONDecodeError:
        return None


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines end with CR, LF or both, and with nothing else: JSON may hold any other separator of Unicode."""
    rest, size = bytearray(), 0
    async for piece in pieces:
        piece = piece if size else piece.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
        size += len(piece)
        if size > MOST_BYTES:
            raise NotAnAnswerError("an answer of more than 32 MB")
        if b"\n" not in piece and b"\r" not in piece:
            rest += piece
            continue
        *lines, last = (bytes(rest) + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            yield line
        rest = bytearray(last)
    if rest:
        yield bytes(rest)


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
