"""Ids of messages that nobody but the owner of the app's secret can compute."""

from __future__ import annotations

import hashlib
import hmac

from pydantic import SecretStr

_LABEL = b"agents-in-channels message ids 1"
_BYTES = 20
"""Of each MAC, what the id shows: 160 bits, 40 characters."""


class IdKey:
    """A key for message ids, derived from the app's secret.

    Every process that knows the secret derives the same key, at every start. The key tells nothing of the secret, and
    an id tells nothing of the key or of any other id.
    """

    def __init__(self, secret: SecretStr) -> None:
        self._key = SecretStr(_mac(secret.get_secret_value().encode("utf-8", "surrogatepass"), _LABEL).hex())

    def __repr__(self) -> str:
        return "IdKey(...)"

    def id_of(self, *fields: str | int) -> str:
        """Return the id for these fields: 40 hexadecimal digits. Other fields, or fields cut otherwise, give another.

        Any text is a field, whatever is in it: NUL, lone surrogates, separators.
        """
        encoded = (str(field).encode("utf-8", "surrogatepass") for field in fields)
        message = b"".join(len(field).to_bytes(8, "big") + field for field in encoded)
        return _mac(bytes.fromhex(self._key.get_secret_value()), message)[:_BYTES].hex()


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256().name)
