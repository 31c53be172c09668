"""Faults of the environment on the way to a model server, by the name of the variable: libraries do not tell it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from framework.errors import ModelError

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})


def require_usable_network(environment: Mapping[str, str], url: str) -> None:
    """Raise ModelError, which names the variable, if a proxy or a file of certificates is of no use to reach `url`."""
    if not _bypassed(environment, url):
        for name in _PROXIES:
            for spelled in (name, name.lower()):
                if value := environment.get(spelled, "").strip():
                    _require_proxy(spelled, value)
    for name in _FILES:
        value = environment.get(name, "").strip()
        if value and not Path(value).is_file():
            raise ModelError(
                f"{name} names a file that does not exist: {value}",
                where="environment",
                hint="Name a file of certificates in PEM form, or unset it.",
            )
    folder = environment.get("SSL_CERT_DIR", "").strip()
    if folder and not any(Path(one).is_dir() for one in folder.split(":")):
        raise ModelError(
            f"SSL_CERT_DIR names a folder that does not exist: {folder}", where="environment", hint="Unset it."
        )


def _require_proxy(name: str, value: str) -> None:
    """The address may hold a password: only its scheme and host are said."""
    try:
        address = urlsplit(value if "://" in value else f"http://{value}")
        usable = address.scheme.lower() in _SCHEMES and bool(address.hostname) and (address.port or 1) > 0
    except ValueError:  # the port is not a number
        usable = False
    if not usable:
        raise ModelError(
            f"{name} is not the address of a proxy.",
            where="environment",
            hint="It looks like http://proxy.example:3128. Correct it or unset it.",
        )
    if address.scheme.lower().startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ModelError(
            f"{name} names a SOCKS proxy ({address.hostname}), and the package for such proxies is not installed.",
            where="environment",
            hint=f"Install it: {sys.executable} -m pip install socksio. Or unset the variable, or "
            "put the model server's host into NO_PROXY.",
        )


def is_proxied(environment: Mapping[str, str], url: str) -> bool:
    """Return whether the environment may name a proxy on the way to `url`."""
    named = any(environment.get(one, "").strip() for name in _PROXIES for one in (name, name.lower()))
    return named and not _bypassed(environment, url)


def _bypassed(environment: Mapping[str, str], url: str) -> bool:
    """Whether NO_PROXY names the host, or a domain above it."""
    host = (urlsplit(url).hostname or "api.openai.com").lower()
    named = (environment.get("NO_PROXY") or environment.get("no_proxy") or "").lower().split(",")
    hosts = [one.strip().lstrip("*").lstrip(".").partition(":")[0] for one in named if one.strip()]
    return "*" in [one.strip() for one in named] or any(host == one or host.endswith(f".{one}") for one in hosts if one)
