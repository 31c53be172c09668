"""A credentials file of NATS, as `nsc` writes it: a token that names a user, and the seed of the key that proves it."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from framework.errors import SettingsError

_TOKEN = re.compile(r"-----BEGIN NATS USER JWT-----\s+(\S+)\s")
_SEED = re.compile(r"-----BEGIN USER NKEY SEED-----\s+(\S+)\s")
_PREFIX, _KEY, _CHECK = 2, 32, 2  # bytes of a decoded seed: what it is of, the key, a checksum


class CredentialsFile:
    """Reads the file each time that it is asked, so that a renewed file counts at the next connection."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def check(self) -> None:
        """Raises SettingsError if the file cannot be used."""
        self.sign("")
        self.token()

    def token(self) -> bytes:
        """The token of the user, which is no secret by itself."""
        return self._found(_TOKEN).encode()

    def sign(self, nonce: str) -> bytes:
        """Prove that we have the key: the signature of what the server made up, in base64."""
        seed = self._found(_SEED)
        try:
            decoded = base64.b32decode(seed + "=" * (-len(seed) % 8))
        except (binascii.Error, ValueError):
            raise self._wrong() from None
        if len(decoded) != _PREFIX + _KEY + _CHECK or not seed.startswith("SU"):
            raise self._wrong()
        key = Ed25519PrivateKey.from_private_bytes(decoded[_PREFIX : _PREFIX + _KEY])
        return base64.b64encode(key.sign(nonce.encode()))

    def _found(self, block: re.Pattern[str]) -> str:
        try:
            text = self._file.read_text(encoding="ascii")
        except (OSError, UnicodeError) as error:
            raise self._wrong(getattr(error, "strerror", "") or "It is not text.") from None
        found = block.search(text)
        if found is None:
            raise self._wrong()
        return found[1]

    def _wrong(self, why: str = "It has no user token, or no seed of a user.") -> SettingsError:
        return SettingsError(
            f"The credentials for NATS cannot be read: {why}",
            where="FRAMEWORK_JOURNAL_CREDENTIALS",
            hint="Name a file that `nsc generate creds` wrote.",
        )
