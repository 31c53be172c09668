"""Read what webhooks and queues deliver: bytes with one event in them, and the inbox that stores it."""

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
"""Store an event durably, or raise. The same event may be delivered more than once."""

Facts = Callable[[], Awaitable[Mapping[str, Any]]]
"""Return the state of the process as JSON values. Raise FrameworkError while it cannot store events."""

ACCEPT_SECONDS = 5.0  # the service waits 6 s for a webhook: it must get a refusal before that
MOST_UNPACKED = 8 * 1024 * 1024
MOST_RATIO = 100  # events are JSON, which gzip makes ten times smaller
UNPACKED_ANYWAY = 1024 * 1024
_SLICE = 16 * 1024
_GZIP = b"\x1f\x8b"
_WRAPPINGS = 3  # a notification, around base64, around gzip

_log = structlog.get_logger(__name__)


async def no_facts() -> Mapping[str, Any]:
    """Return nothing."""
    return {}


class UnreadableEventError(FrameworkError):
    """The delivery is not an event of the service. `too_large`: it is too large to tell."""

    def __init__(self, what: str, *, too_large: bool = False) -> None:
        super().__init__(what)
        self.too_large = too_large


async def accepted(hand_on: Awaitable[None], by: str, **about: object) -> bool:
    """Return whether the inbox stored an event in time. A failure is logged; `by` is the way that the event came."""
    try:
        async with asyncio.timeout(ACCEPT_SECONDS):
            await hand_on
    except TimeoutError:
        _log.warning("delivery.not_accepted", error=f"not within {ACCEPT_SECONDS:.0f} s", by=by, **about)
    except FrameworkError as error:
        _log.warning("delivery.not_accepted", error=error.what, by=by, **about)
    except Exception as error:  # noqa: BLE001 - a defect of the inbox must not lose the event
        what = type(error).__name__
        _log.error("delivery.not_accepted", error=what, at=_place(error), by=by, **about)
    else:
        _log.debug("delivery.accepted", by=by, **about)
        return True
    return False


def is_packed(body: bytes) -> bool:
    """Return whether a body begins as gzip does."""
    return body.startswith(_GZIP)


def unpack(body: bytes, most: int = MOST_UNPACKED) -> bytes:
    """Unpack a body if it begins as gzip does: one member, which is all that the service sends.

    It takes time linear in the body and its content. Raises UnreadableEventError, also if the content has more than
    `most` bytes, or more than `MOST_RATIO` times the body's size and more than `UNPACKED_ANYWAY`.
    """
    if not is_packed(body):
        return body
    most = min(most, max(UNPACKED_ANYWAY, MOST_RATIO * len(body)))
    member = zlib.decompressobj(wbits=31)
    unpacked = bytearray()
    try:
        for start in range(0, len(body), _SLICE):
            # Each round copies the rest of a slice, so slices are small.
            rest: bytes = body[start : start + _SLICE]
            while rest and not member.eof:
                unpacked += member.decompress(rest, most + 1 - len(unpacked))
                if len(unpacked) > most:
                    raise UnreadableEventError(f"The body holds more than {most} bytes.", too_large=True)
                rest = member.unconsumed_tail
            if member.eof:
                break
    except zlib.error:
        raise UnreadableEventError("The body begins as gzip does, but is not gzip.") from None
    if not member.eof:
        raise UnreadableEventError("The body is gzip that ends too early.")
    if member.unused_data or start + _SLICE < len(body):
        raise UnreadableEventError("Something follows the gzip in the body.")
    return bytes(unpacked)


def parse(body: bytes) -> Mapping[str, Any]:
    """Read a body as a JSON object. Raises UnreadableEventError."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableEventError("The body is not JSON.") from None
    if not isinstance(raw, dict):
        raise UnreadableEventError("The body is not a JSON object.")
    return raw


def parse_queued(text: str) -> Mapping[str, Any]:
    """Read the event in a queue's message: JSON, or base64 of JSON or of its gzip, alone or inside a notification.

    Raises UnreadableEventError.
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
    """Return where an error was raised. Its text is not logged: it may repeat the event's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
