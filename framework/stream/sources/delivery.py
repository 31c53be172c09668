"""What webhooks and queues deliver: packed bytes with one event in them, and the inbox that takes it over."""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog

from framework.errors import FrameworkError
from framework.stream.model import Event

Inbox = Callable[[Event], Awaitable[None]]
"""Takes an event over durably before it returns; raises where it cannot. May get an event more than once."""

Facts = Callable[[], Awaitable[Mapping[str, Any]]]
"""What is known of the process, as JSON values; raises FrameworkError where it cannot keep anything at the moment."""

ACCEPT_SECONDS = 5.0  # the service waits for 6 on a webhook: it must hear a no, not nothing
MOST_UNPACKED = 8 * 1024 * 1024
MOST_RATIO = 100  # events are JSON, which becomes ten times smaller
UNPACKED_ANYWAY = 1024 * 1024
_SLICE = 16 * 1024
_GZIP = b"\x1f\x8b"
_WRAPPINGS = 3  # a notification, around base64, around gzip

_log = structlog.get_logger(__name__)


async def no_facts() -> Mapping[str, Any]:
    """Nothing is known."""
    return {}


class UnreadableEventError(FrameworkError):
    """What was delivered is none of the service's events. `too_large`: it might have been, but for its size."""

    def __init__(self, what: str, *, too_large: bool = False) -> None:
        super().__init__(what)
        self.too_large = too_large


async def accepted(hand_on: Awaitable[None], by: str, **about: object) -> bool:
    """Whether the inbox took an event over, and soon. Why not is logged: `by` is the way that it came."""
    try:
        async with asyncio.timeout(ACCEPT_SECONDS):
            await hand_on
    except TimeoutError:
        _log.warning("delivery.not_accepted", error=f"not within {ACCEPT_SECONDS:.0f} s", by=by, **about)
    except FrameworkError as error:
        _log.warning("delivery.not_accepted", error=error.what, by=by, **about)
    except Exception as error:  # noqa: BLE001 - the inbox's defect is no reason to lose the event
        what = type(error).__name__
        _log.error("delivery.not_accepted", error=what, at=_place(error), by=by, **about)
    else:
        _log.debug("delivery.accepted", by=by, **about)
        return True
    return False


def is_packed(body: bytes) -> bool:
    """Whether a body begins as gzip does."""
    return body.startswith(_GZIP)


def unpack(body: bytes, most: int = MOST_UNPACKED) -> bytes:
    """The body, or what is in it if it begins as gzip does: one member, which is all that the service sends.

    It takes a time that grows with the body and with what is in it, no faster, whoever sent it. Raises UnreadableError,
    also over `most` bytes, and over `MOST_RATIO` times its own size if that is more than `UNPACKED_ANYWAY`.
    """
    if not is_packed(body):
        return body
    most = min(most, max(UNPACKED_ANYWAY, MOST_RATIO * len(body)))
    member = zlib.decompressobj(wbits=31)
    unpacked = bytearray()
    try:
        for start in range(0, len(body), _SLICE):
            # What is left of a slice is copied at each turn: slices are small for that reason.
            rest: bytes = body[start : start + _SLICE]
            while rest and not member.eof:
                unpacked += member.decompress(rest, most + 1 - len(unpacked))
                if len(unpacked) > most:
                    raise UnreadableEventError(f"The body holds more than {most} bytes.", too_large=True)
                rest = member.unconsumed_tail
            if member.eof:
                break
    except zlib.error:
        raise UnreadableEventError("The body begins as gzip does, but is none.") from None
    if not member.eof:
        raise UnreadableEventError("The body is gzip that ends too early.")
    if member.unused_data or start + _SLICE < len(body):
        raise UnreadableEventError("Something follows the gzip in the body.")
    return bytes(unpacked)


def parse(body: bytes) -> Mapping[str, Any]:
    """The JSON object that a body is. Raises UnreadableError."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableEventError("The body is not JSON.") from None
    if not isinstance(raw, dict):
        raise UnreadableEventError("The body is not a JSON object.")
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
    raise UnreadableEventError("The message is wrapped too often.")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")  # JSON is not base64: it begins with a brace


def _place(error: BaseException) -> str:
    """Where it was raised. Its words stay out of the log: they may hold those of the event."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
