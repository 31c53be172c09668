"""Previews of links: reading the page that a link leads to."""

from __future__ import annotations

import socket
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.resolver import ThreadedResolver

from framework.addresses import is_public
from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from aiohttp.connector import AddrInfoType

MAX_BYTES = 512 * 1024
TIMEOUT_S = 4.0
MAX_REDIRECTS = 5


async def scrape(url: str, *, allow_private: bool) -> dict[str, Any]:
    """Return the fields of a page's preview. Raises ApiError 400 when there is none to read.

    `allow_private` lets it reach this machine and its network, which only those who are there already may ask for.
    """
    if not _is_web(url):
        raise invalid(f"url {url} is not an http or https address")
    factory = None if allow_private else _public_socket
    connector = aiohttp.TCPConnector(resolver=ThreadedResolver(), socket_factory=factory, force_close=True)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get(url, max_redirects=MAX_REDIRECTS, headers={"User-Agent": "sandbox-preview"}) as response,
        ):
            if response.status >= 400:
                raise invalid(f"the page at {url} answers {response.status}")
            kind = response.content_type
            if kind.startswith("image/"):
                return {"type": "image", "image_url": str(response.url), "og_scrape_url": url}
            if kind not in ("text/html", "application/xhtml+xml"):
                raise invalid(f"the page at {url} is {kind}, which has no preview")
            raw = await response.content.read(MAX_BYTES)
            text = raw.decode(response.charset or "utf-8", errors="replace")
            return _preview(text, str(response.url), url)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError) as error:
        raise invalid(f"the page at {url} cannot be read: {type(error).__name__}") from error


def _is_web(url: str) -> bool:
    """Return whether it is an address of the web. One with a user's name in it only looks like another server's."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _public_socket(address: AddrInfoType) -> socket.socket:
    """A socket for a connection that is about to be made, also after a redirect. Raises OSError for a private peer.

    This is the address that is connected to. A guard of names alone would not see addresses that stand in the URL.
    """
    family, kind, protocol, _, peer = address
    if not is_public(str(peer[0])):
        raise OSError(f"{peer[0]} is not a public address")
    return socket.socket(family, kind, protocol)


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.title = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, content = given.get("property") or given.get("name"), given.get("content")
        if tag == "meta" and name and content:
            self.meta.setdefault(name.lower(), content.strip())
        self._in_title = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


def _preview(text: str, page: str, url: str) -> dict[str, Any]:
    head = _Head()
    head.feed(text)
    meta = head.meta

    def first(*names: str) -> str | None:
        return next((meta[name] for name in names if meta.get(name)), None)

    image = first("og:image", "og:image:url", "twitter:image")
    video = first("og:video", "og:video:url")
    preview = {
        "title": first("og:title", "twitter:title") or head.title.strip() or None,
        "title_link": first("og:url") or page,
        "text": first("og:description", "twitter:description", "description"),
        "author_name": first("og:site_name") or urlsplit(page).hostname,
        "author_link": f"{urlsplit(page).scheme}://{urlsplit(page).netloc}",
        "type": "video" if video else "image" if image else first("og:type"),
        "image_url": urljoin(page, image) if image else None,
        "thumb_url": urljoin(page, image) if image else None,
        "asset_url": urljoin(page, video) if video else None,
        "og_scrape_url": url,
    }
    if not preview["title"] and not preview["text"] and not image:
        raise invalid(f"the page at {url} has nothing to preview")
    return {name: value for name, value in preview.items() if value is not None}


DOMAIN = Domain("previews")


@DOMAIN.operation("GetOg", "GET", "/og", family="common")
async def get_og(call: Call) -> Result:
    """What a page says of itself, as the fields of an attachment. The page is fetched, from where the sandbox runs."""
    url = call.required_text("url")
    # Only the app itself may have this machine and its network read, and only where nobody else reaches the server.
    allow_private = call.actor.is_server and call.sandbox.config.is_loopback
    preview = await scrape(url, allow_private=allow_private)
    return {**preview, "custom": {}} if call.dialect is WireDialect.V2 else preview


FEATURE = Feature(operations=(DOMAIN,))
