"""Bound what connections cost before a request has come: time and size of its headers, and idle connections."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 5.0
MOST_HEAD_BYTES = 64 * 1024
MOST_CONNECTIONS = 512


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits that it lacks.

    A connection is cut if the headers of its request take longer than `HEAD_SECONDS` or more than `MOST_HEAD_BYTES`.
    If there are more than `MOST_CONNECTIONS`, an idle one is cut: first those that never sent a request, then the one
    that is idle for longest. So new callers get in, and no request in progress is lost.
    """

    _head_bytes = 0
    _idle_since = 0.0
    _has_answered = False
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Accept the connection, and cut an idle one if there are too many."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._expect_head()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._head_is_whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the headers are too large."""
        if self._late is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES + len(data):
                self.transport.abort()
                return
        super().data_received(data)
        if self._late is not None and self._head_bytes > MOST_HEAD_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Wait for the headers of the next request."""
        super().on_message_begin()
        if self._late is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Hand the request on."""
        self._head_is_whole()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Count as idle from now on."""
        self._idle_since, self._has_answered = self.loop.time(), True
        super().on_response_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _head_is_whole(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_idle(self) -> bool:
        # Before the first request there is no cycle; uvicorn's types do not say so.
        cycle = self.cycle
        return cycle is None or cycle.response_complete  # type: ignore[redundant-expr]

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, BoundedProtocol) and one is not self]
        idle = [one for one in others if one._is_idle() and not one.transport.is_closing()]  # noqa: SLF001 - its own class
        if idle:
            min(idle, key=lambda one: (one._has_answered, one._idle_since)).transport.abort()  # noqa: SLF001 - likewise
