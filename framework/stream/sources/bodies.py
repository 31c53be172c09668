"""Read bodies of requests before their sender is known, bounded in number, size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from framework.errors import FrameworkError

MOST_BYTES = 2 * 1024 * 1024
MOST_AT_ONCE = 200
MOST_BYTES_AT_ONCE = 64 * 1024 * 1024
BODY_SECONDS = 5.0


class RefusedError(FrameworkError):
    """The request is refused, with this HTTP status and reason."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(eq=False)
class BodyPlace:
    """One of the bodies that are read and checked at the moment."""

    limit: asyncio.Timeout
    size: int = 0
    displaced: bool = False


class Bodies:
    """Reads bodies until it is checked who sent them.

    Anybody can send the headers of a request and then nothing. So a new body is never refused because others are being
    read: if there are more than `MOST_AT_ONCE`, the oldest is given up. That is not the service's, which sends an event
    within milliseconds. If all together have more than `MOST_BYTES_AT_ONCE`, the largest is given up.
    """

    def __init__(self) -> None:
        self._places: dict[BodyPlace, None] = {}
        self._size = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[BodyPlace]:
        """Hold a place for a body while the block reads and checks it.

        Raises RefusedError and ends the block: 408 after `BODY_SECONDS`, 503 if the place is needed for others.
        """
        place: BodyPlace | None = None
        try:
            async with asyncio.timeout(BODY_SECONDS) as limit:
                place = BodyPlace(limit)
                self._places[place] = None
                if len(self._places) > MOST_AT_ONCE:
                    self._displace(next(iter(self._places)))
                yield place
        except TimeoutError:
            if place is not None and place.displaced:
                raise RefusedError(503, "Too many deliveries at once.") from None
            raise RefusedError(408, f"The body did not come within {BODY_SECONDS:.0f} s.") from None
        finally:
            if place is not None:
                self._leave(place)

    async def read(self, request: Request, place: BodyPlace) -> bytes:
        """Return the body as it was sent. Raises RefusedError if it has more than `MOST_BYTES` or ends too early."""
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise RefusedError(413, f"The body has more than {MOST_BYTES} bytes.")
                self._grow(place, len(chunk))
        except ClientDisconnect:
            raise RefusedError(400, "The body ended too early.") from None
        return bytes(body)

    def _grow(self, place: BodyPlace, size: int) -> None:
        if place.displaced:
            return
        place.size += size
        self._size += size
        while self._size > MOST_BYTES_AT_ONCE:
            self._displace(max(self._places, key=lambda one: one.size))

    def _displace(self, place: BodyPlace) -> None:
        """End the block of a place at its next `await`."""
        self._leave(place)
        place.displaced = True
        if not place.limit.expired():
            place.limit.reschedule(asyncio.get_running_loop().time())

    def _leave(self, place: BodyPlace) -> None:
        if place in self._places:
            del self._places[place]
            self._size -= place.size
