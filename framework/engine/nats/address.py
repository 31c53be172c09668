"""Where NATS is, and how this process shows who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from framework.errors import SettingsError

SCHEMES = ("nats", "tls")
_PORT = 4222
_CLUSTER = 3


@dataclass(frozen=True)
class NatsAddress:
    """The servers of one cluster. `replicas`: on how many servers each stream is kept. `shown` is for people.

    `credentials`: a file that `nsc` wrote (JWT and seed). `ca`: a file of certificates that TLS trusts.
    """

    servers: tuple[str, ...] = field(repr=False)
    shown: str
    replicas: int = 1
    credentials: Path | None = field(default=None, repr=False)
    ca: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return any(server.startswith("tls:") for server in self.servers)


def is_nats(url: str) -> bool:
    """Whether this names a NATS cluster, and not a database."""
    return url.partition("://")[0] in SCHEMES


def address(
    url: str, *, replicas: int | None = None, credentials: Path | None = None, ca: Path | None = None
) -> NatsAddress:
    """Understand `nats://HOST:4222,HOST2:4222`. Raises SettingsError, which does not repeat it: it may hold a password.

    Streams are kept on three servers if at least three are named, and on one otherwise, unless `replicas` says it.
    """
    scheme, _, rest = url.partition("://")
    wrong = SettingsError(
        "The address of NATS is not understood.",
        where="FRAMEWORK_JOURNAL",
        hint="Write nats://HOST:4222, or several hosts with commas between them; tls:// instead of nats:// for TLS.",
    )
    hosts = [one.removeprefix(f"{scheme}://").strip().rstrip("/") for one in rest.split(",")]
    if scheme not in SCHEMES or not all(hosts):
        raise wrong
    servers, shown = [], []
    user = ""
    for host in hosts:
        try:
            parts = urlsplit(f"{scheme}://{host}")
            name, port = parts.hostname, parts.port or _PORT
        except ValueError:
            raise wrong from None
        if not name or parts.path or parts.query:
            raise wrong
        name = f"[{name}]" if ":" in name else name
        user = parts.netloc.rpartition("@")[0] or user  # named once, it is meant for all
        servers.append(f"{scheme}://{user}{'@' if user else ''}{name}:{port}")
        shown.append(f"{name}:{port}")
    kept = replicas or (_CLUSTER if len(servers) >= _CLUSTER else 1)
    return NatsAddress(tuple(servers), f"{scheme}://{','.join(shown)}", kept, credentials, ca)
