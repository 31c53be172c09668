"""Whether a request comes from a page of this server, or from no page at all.

A website that a developer visits can reach the sandbox through the developer's browser. It must not get tokens, set
faults or read the log there: those answer without cross-origin headers, and refuse pages of other origins.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from framework.sandbox.errors import forbidden

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.config import SandboxConfig


def require_own_page(request: Request, config: SandboxConfig) -> None:
    """403 for a page of another origin, also for one that made its name lead here (DNS rebinding)."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    # Only the host is compared: behind a proxy that speaks TLS the scheme differs.
    if origin is not None and urlsplit(origin).netloc != host:
        raise forbidden("only a page of this server may ask for this, not one of another origin")
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise forbidden("only a page of this server may ask for this, not one of another site")
    if config.is_loopback and config.development_tokens is None and not _is_loopback(host):
        raise forbidden(f"this server is not known as {host}: use localhost or its address")


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
