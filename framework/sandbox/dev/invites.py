"""Links into a conversation: signed, so that the server need not remember them."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

LIFETIME_S = 7 * 24 * 3600
_PURPOSE = b"playground invite"


def make_invite(call: Call, cid: str) -> str:
    """Return a text with which everybody may join a channel, until its time is over."""
    until = int(call.now.timestamp()) + LIFETIME_S
    return f"{until:x}-{_signature(call, cid, until)}"


def is_invite(call: Call, text: str, cid: str) -> bool:
    """Return whether a text is an invite to this channel that still holds."""
    time, _, signature = text.partition("-")
    try:
        until = int(time, 16)
    except ValueError:
        return False
    return (
        hmac.compare_digest(signature.encode(), _signature(call, cid, until).encode()) and call.now.timestamp() < until
    )


def _signature(call: Call, cid: str, until: int) -> str:
    """Made with a key of its own: no token is signed with it, and none can be made of it."""
    key = hmac.digest(call.sandbox.config.api_secret.encode(), _PURPOSE, hashlib.sha256)
    return hmac.digest(key, f"{cid}\n{until}".encode(), hashlib.sha256).hex()
