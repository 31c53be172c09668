"""Ids of messages that nobody but the owner of the app's secret can compute."""

from __future__ import annotations

import hmac

from pydantic import SecretStr

_LABEL = b"agents-in-channels message ids 1"
_BYTES = 20
"""Bytes of the MAC that an id shows: 160 bits, 40 digits."""


class IdKey:
    """A key for message ids, derived from the app's secret.

    Every process that knows the secret derives the same key, at every start. The key tells nothing of the secret, and
    an id tells nothing of the key or of any other id.
    """

    def __init__(self, secret: SecretStr) -> None:
        key = hmac.digest(secret.get_secret_value().encode("utf-8", "surrogatepass"), _LABEL, "sha256")
        self._keyed = hmac.new(key, digestmod="sha256")  # it does not give the key away

    def __repr__(self) -> str:
        return "IdKey(...)"

    def id_of(self, *fields: str | int) -> str:
        """Return the id for these fields: 40 hexadecimal digits. Other fields, or fields cut otherwise, give another.

        A field may hold any characters: NUL, half surrogate pairs, separators.
        """
        encoded = [str(field).encode("utf-8", "surrogatepass") for field in fields]
        mac = self._keyed.copy()
        mac.update(b"".join([len(field).to_bytes(8, "big") + field for field in encoded]))
        return mac.digest()[:_BYTES].hex()
