"""How this process connects to NATS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress


def options_of(
    address: NatsAddress, *, said: Callable[[Exception], Awaitable[None]], cut: Callable[[], Awaitable[None]]
) -> dict[str, Any]:
    """Return the client's options. `said` hears each error, `cut` that the connection ended. Raises SettingsError."""
    options: dict[str, Any] = {
        "servers": list(address.servers),
        "name": "agents-in-channels",
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.2,
        "connect_timeout": 2,
        "ping_interval": 3,
        "max_outstanding_pings": 3,
        "error_cb": said,
        "disconnected_cb": cut,
    }
    if address.credentials is not None:
        from framework.engine.nats.credentials import CredentialsFile

        credentials = CredentialsFile(address.credentials)
        credentials.check()
        options |= {"user_jwt_cb": credentials.token, "signature_cb": credentials.sign}
    if address.encrypted:
        import ssl

        options["tls"] = ssl.create_default_context(cafile=None if address.ca is None else str(address.ca))
    return options
