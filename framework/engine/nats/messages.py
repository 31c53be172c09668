"""Messages of NATS as the journal reads and writes them, and what errors of the client mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from nats.errors import AuthorizationError

if TYPE_CHECKING:
    from nats.aio.msg import Msg

_NO_ENTRY = "authorization violation"


@dataclass(frozen=True)
class Stored:
    """A message of a stream. `at`: when it was kept, by the server's clock, in seconds since 1970."""

    subject: str
    sequence: int
    data: bytes
    at: float


def headers_of(expect: int | None, of: str, ttl: float) -> dict[str, str]:
    """The headers of one write, the same in each try."""
    headers = {"Nats-Msg-Id": uuid4().hex}
    if expect is not None:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(expect)
    if of:
        headers["Nats-Expected-Last-Subject-Sequence-Subject"] = of
    if ttl:
        headers["Nats-TTL"] = f"{max(1, int(ttl))}s"
    return headers


def stored(message: Msg, headers: dict[str, str]) -> Stored:
    """Return a message that was read directly, as these headers tell."""
    at = seconds_of(headers["Nats-Time-Stamp"])
    return Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), message.data, at)


def seconds_of(text: str) -> float:
    """Seconds since 1970 of a time with nanoseconds, which Python does not read."""
    head, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}+00:00").timestamp() + float(f"0.{fraction or 0}")


def is_final(error: Exception | None) -> bool:
    """Return whether an error stays the same however often the client tries again."""
    import ssl

    return error is not None and (isinstance(error, ssl.SSLCertVerificationError) or is_no_entry(error))


def is_no_entry(error: Exception) -> bool:
    """Return whether a server does not let us in."""
    return isinstance(error, AuthorizationError) or _NO_ENTRY in str(error).lower()


def said_by(error: BaseException) -> str:
    """Return an error's text, for people."""
    return str(error).removeprefix("nats: ") or type(error).__name__
