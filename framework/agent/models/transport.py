"""The HTTP connections to model servers: aiohttp's, as for the chat service, under the client that the SDK expects.

The SDK's own stack looks at every idle connection before each request and parses HTTP in Python. With 40 answers at
once that is a quarter of what a streamed answer costs. The transport that the SDK offers for aiohttp tells a refused
connection as a timeout, so it is not used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiohttp
import httpx2

if TYPE_CHECKING:
    import ssl

_CONNECTIONS = 1_000
_KEEP_ALIVE = 30.0
"""Seconds that an idle connection is kept. A server may close it earlier; that is seen when it happens."""

# The first that fits is taken.
_FAULTS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (TimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx2.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx2.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.ClientError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
    (ValueError, httpx2.LocalProtocolError),
)


def model_client(timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """Return a client for one model's requests. It does not read proxies from the environment."""
    return httpx2.AsyncClient(transport=AiohttpTransport(), timeout=timeout, follow_redirects=True)


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests by aiohttp. Certificates are those that `SSL_CERT_FILE` or `SSL_CERT_DIR` name, if any."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its answer's body is read as it comes. Raises httpx2.TransportError."""
        limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
        with _as_httpx():
            response = await self._opened().request(
                request.method,
                str(request.url),
                headers=request.headers,
                data=request.content or None,
                ssl=self._certificates() if request.url.scheme == "https" else True,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=limits.get("connect"), sock_read=limits.get("read")
                ),
            )
        return httpx2.Response(
            status_code=response.status, headers=response.raw_headers, stream=_Body(response), request=request
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    def _certificates(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        return self._tls


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for piece in self._response.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        self._response.release()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise httpx2's kind of error for what aiohttp raises."""
    try:
        yield
    except tuple(kind for kind, _ in _FAULTS) as error:
        raise _kind_of(error)(str(error)) from error


def _kind_of(error: Exception) -> type[httpx2.TransportError]:
    return next(kind for fault, kind in _FAULTS if isinstance(error, fault))
