"""What webhooks and queues deliver: packed bytes with one event in them, and the inbox that takes it over."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from framework.errors import FrameworkError
from framework.stream.model import Event

Inbox = Callable[[Event], Awaitable[None]]
"""Takes an event over durably before it returns; raises where it cannot. May get an event more than once."""

MOST_UNPACKED = 8 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_WRAPPINGS = 3  # a notification, around base64, around gzip


class UnreadableError(FrameworkError):
    """What was delivered is none of the service's events. `too_large`: it might have been, but for its size."""

    def __init__(self, what: str, *, too_large: bool = False) -> None:
        super().__init__(what)
        self.too_large = too_large


def unpack(body: bytes, most: int = MOST_UNPACKED) -> bytes:
    """The body, or what is in it where it begins as gzip does. Raises UnreadableError, also over `most` bytes."""
    if not body.startswith(_GZIP):
        return body
    unpacked = bytearray()
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(body, most + 1 - len(unpacked))
        except zlib.error:
            raise UnreadableError("The body begins as gzip does, but is none.") from None
        if len(unpacked) > most:
            raise UnreadableError(f"The body holds more than {most} bytes.", too_large=True)
        if not member.eof:
            raise UnreadableError("The body is gzip that ends too early.")
        body = member.unused_data
    return bytes(unpacked)


def parse(body: bytes) -> Mapping[str, Any]:
    """The JSON object that a body is. Raises UnreadableError."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableError("The body is no JSON.") from None
    if not isinstance(raw, dict):
        raise UnreadableError("The body is no JSON object.")
    return raw


def parse_queued(text: str) -> Mapping[str, Any]:
    """The event in a queue's message: JSON, or base64 of it, or of its gzip; wrapped as a notification, or not.

    Raises UnreadableError.
    """
    for _ in range(_WRAPPINGS):
        raw = parse(unpack(_bytes(text)))
        inner = raw.get("Message")
        if "type" in raw or not isinstance(inner, str):
            return raw
        text = inner
    raise UnreadableError("The message is wrapped too often.")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")  # JSON is no base64: it begins with a brace
