"""The set-up of a sandbox: address, app credentials, the place of data, and optional behaviours."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_API_KEY = "sandbox-key"
MEMORY = ":memory:"


@dataclass(frozen=True)
class SandboxConfig:
    """Everything a sandbox needs to start.

    `data` is a SQLite file, or ":memory:". `port` 0 takes a free one. `rate_limits` switches the documented limits on.
    `development_tokens` forces `POST /sandbox/token` on or off; left at None it works on loopback addresses only.
    `api_secret` is made up unless given. `allowed_hosts` are host names, in lower case and without a port, by which the
    server may be reached and whose pages may call it, beside those of this machine. A campaign sends `campaign_rate`
    messages a second.
    """

    host: str = "127.0.0.1"
    port: int = 8830
    api_key: str = DEFAULT_API_KEY
    api_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    data: str = MEMORY
    rate_limits: bool = False
    development_tokens: bool | None = None
    allowed_hosts: frozenset[str] = frozenset()
    campaign_rate: int = 1_000

    @property
    def data_file(self) -> Path | None:
        """The SQLite file, or None in memory mode."""
        return None if self.data == MEMORY else Path(self.data)

    @property
    def allows_development_tokens(self) -> bool:
        """Return whether anyone who reaches the port may ask for a user's token without knowing the secret."""
        return self.is_loopback if self.development_tokens is None else self.development_tokens

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
