"""What every request of the console passes: the name it came by, the page it came from, and what browsers are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NOT_SERVED = (
    "The console is not served here.\n\nFRAMEWORK_ADMIN listens beyond this machine, and the console has no TLS of "
    "its own. Put a proxy with TLS in front of it that only your team reaches, and set FRAMEWORK_CONSOLE_URL to the "
    "address that people type, such as https://console.example.com. Or let FRAMEWORK_ADMIN listen on 127.0.0.1.\n"
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # with no-referrer, browsers hide the origin of our own forms
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Reach:
    """By which addresses the console may be reached: `url` is FRAMEWORK_CONSOLE_URL or empty; `local`: it listens on
    this machine alone.
    """

    url: str
    local: bool

    @property
    def is_served(self) -> bool:
        """Whether there is any."""
        return self.local or bool(self.url)

    def origin_of(self, host: str) -> str | None:
        """Return the origin of pages that were asked for by this `Host`; None for a name that is not ours."""
        ours = urlsplit(self.url)
        if self.url and host.lower() == ours.netloc.lower():
            return f"{ours.scheme}://{ours.netloc}".lower()
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return None
        return f"http://{host}".lower() if self.local and name in LOOPBACK else None


class ConsoleGuard:
    """Refuses what comes by another name or from another page. `scope["console_origin"]` is ours behind it."""

    def __init__(self, app: ASGIApp, *, reach: Reach) -> None:
        self._app = app
        self._reach = reach

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse."""
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        if refusal is not None:
            refusal.headers.update(HEADERS)
            await refusal(scope, receive, send)
            return
        if scope["type"] == "http":
            scope["console_origin"] = self._reach.origin_of(Request(scope).headers.get("host", ""))
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> PlainTextResponse | None:
        if not self._reach.is_served:
            return PlainTextResponse(NOT_SERVED, 403)
        origin = self._reach.origin_of(request.headers.get("host", ""))
        if origin is None:
            return PlainTextResponse("The console is not known by that name.\n", 421)
        if request.method not in {"GET", "HEAD", "POST"}:
            return PlainTextResponse("Not allowed.\n", 405)
        if request.method == "POST" and not _from_here(request, origin):
            return PlainTextResponse("This request did not come from the console's own pages.\n", 403)
        return None


def _from_here(request: Request, origin: str) -> bool:
    """Whether a page of ours sent it. Browsers say so by `Origin`; a request without one is nobody's page."""
    said = request.headers.get("origin")
    if said is not None:
        return said.lower() == origin
    return request.headers.get("sec-fetch-site") == "same-origin"


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent
