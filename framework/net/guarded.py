"""An HTTP client for addresses that strangers chose: it connects to public addresses only, and reads a bounded answer.

Each connection, also after a redirect, checks the address that the socket is about to connect to. So it does not matter
how a private address is written: as a name, as a number, or as IPv4 inside of IPv6. No proxy is used.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from framework.addresses import is_public
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from aiohttp import AddrInfoType, ClientSession

REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})

Allow = Callable[[str], bool]
"""Return whether a URL may be fetched. It is called for the first URL and for each redirect."""


class FetchError(FrameworkError):
    """An address that was not fetched, and why."""


async def fetch(
    url: str,
    *,
    most: int,
    seconds: float,
    allow: Allow = lambda _: True,
    near: Allow = lambda _: False,
) -> bytes:
    """Return the body of a URL: at most `most` bytes within so many seconds.

    `near` returns whether the operator set this URL: its server may then be a private one. Raises FetchError.
    """
    import aiohttp

    try:
        async with asyncio.timeout(seconds):
            for _ in range(REDIRECTS + 1):
                if not _is_web(url) or not allow(url):
                    raise FetchError("The address is not one that may be fetched.")
                async with _session(anywhere=near(url)) as session:
                    found = await _ask(session, url, most)
                if isinstance(found, bytes):
                    return found
                url = urljoin(url, found)
    except TimeoutError:
        raise FetchError(f"There was no whole answer within {seconds:g} s.") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FetchError(f"It cannot be fetched: {type(error).__name__}.") from None
    raise FetchError(f"It was moved more than {REDIRECTS} times.")


def _session(*, anywhere: bool) -> ClientSession:
    """Return a client that checks every socket before it connects. `anywhere` allows private addresses."""
    import aiohttp

    def connect(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = info
        if not anywhere and not is_public(str(place[0])):
            raise OSError("not a public address")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=connect, resolver=aiohttp.ThreadedResolver(), force_close=True, limit=1
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    )


async def _ask(session: ClientSession, url: str, most: int) -> bytes | str:
    """Return the body, or the URL of a redirect."""
    async with session.get(url, allow_redirects=False) as response:
        if response.status in _MOVED:
            return response.headers.get("Location", "")
        if response.status != 200:
            raise FetchError(f"It answered {response.status}.")
        body = bytearray()
        async for piece in response.content.iter_chunked(65_536):
            body += piece
            if len(body) > most:
                raise FetchError(f"It is larger than {most} bytes.")
        return bytes(body)


def _is_web(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
