"""The body of an answer, as the JSON objects in it: a stream of events, one JSON object, or one a line."""

from __future__ import annotations

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
        found = False
        async for line in _lines(pieces):
            if line.startswith(_FIELD):
                data = line[len(_FIELD) :].strip()
                if data.startswith(DONE.encode()):
                    self.done = True
                    continue
                if data and not self.done:
                    found = True
                    yield _object(data)
            elif line.strip() and not line.startswith(_OTHER_FIELDS):
                loose.append(line)
        if not found and not self.done:
            for value in _loose(b"\n".join(loose)):
                self.done = True
                yield value


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines end with CR, LF or both, and with nothing else: JSON may hold any other separator of Unicode."""
    rest, size = bytearray(), 0
    async for piece in pieces:
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
    stripped = text.strip().removeprefix(b"\xef\xbb\xbf")
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
    value = json.loads(data)
    if not isinstance(value, dict):
        raise NotAnAnswerError(data[:400].decode("utf-8", "replace"))
    return value
