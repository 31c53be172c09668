"""Which pages may talk to the server, and under which names it is reached.

A website that a developer visits can reach the sandbox through the developer's browser. A browser names the page that
asks in `Origin`. A page can also make its own name lead to this machine (DNS rebinding): then only the `Host` tells.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from framework.sandbox.kernel.errors import ApiError, forbidden

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.kernel.config import SandboxConfig


def require_own_page(request: Request, config: SandboxConfig) -> None:
    """Raise ApiError 403 for a page of another origin, and for a name that this server is not known by."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    # Only the host is compared: behind a proxy that speaks TLS the scheme differs.
    if origin is not None and _netloc(origin) != host:
        raise forbidden("only a page of this server may ask for this, not one of another origin")
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise forbidden("only a page of this server may ask for this, not one of another site")
    if not _is_known(host, config):
        raise unknown_name(host)


def allows(origin: str, host: str, config: SandboxConfig) -> bool:
    """Whether a page of this origin may call the API: a page of this machine, of this server, or of an allowed host."""
    netloc = _netloc(origin)
    if netloc and netloc == host:
        return _is_known(host, config)
    name = _name(netloc)
    return _is_loopback(name) or name in config.allowed_hosts


def unknown_name(name: str) -> ApiError:
    """Return the 403 for a page or a server name that nobody allowed."""
    return forbidden(f"{name or 'this page'} is not allowed here: start the sandbox with --allow-host NAME")


def _is_known(host: str, config: SandboxConfig) -> bool:
    name = _name(host)
    if _is_loopback(name) or name in config.allowed_hosts:
        return True
    # An address cannot be made to lead elsewhere, as a name can.
    return not config.is_loopback and _is_address(name)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
