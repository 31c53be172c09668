"""An HTTP client for addresses that strangers chose: it connects to public addresses alone, and reads a bounded answer.

The address that a socket is about to connect to is looked at, for each connection and after each redirect: names that
resolve to private addresses, numbers written in other ways, and IPv4 inside of IPv6 all end there. No proxy is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from aiohttp import AddrInfoType, ClientSession

REDIRECTS = 3
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))
_UNICAST = ipaddress.ip_network("2000::/3")
"""What of IPv6 is given to the public internet. Beside it stand old forms that hold an IPv4 address."""

_MOVED = frozenset({301, 302, 303, 307, 308})

Allow = Callable[[str], bool]
"""Whether an address (a URL) may be asked: called for the first one, and for each that it is moved to."""


class FetchError(FrameworkError):
    """An address that was not fetched, and why."""


def is_public(host: str) -> bool:
    """Whether an IP address (as text, with or without a zone) is one of the public internet."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address not in _UNICAST:
            return False
    elif any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast


async def fetch(
    url: str,
    *,
    most: int,
    seconds: float,
    allow: Allow = lambda _: True,
    near: Allow = lambda _: False,
) -> bytes:
    """Return the body of an address: at most `most` bytes within so many seconds.

    `near` names addresses (URLs) that the operator set, whose servers may be private ones. Raises FetchError.
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
    """A client whose every socket is looked at before it connects. `anywhere`: private addresses are fine."""
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
    """The answer, or where it was moved to."""
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
