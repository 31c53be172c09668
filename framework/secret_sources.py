"""Where a secret is kept instead of in a variable: a file, or the system's keyring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from framework.env_file import encoding_of
from framework.errors import SettingsError
from framework.extras import extra

if TYPE_CHECKING:
    from pathlib import Path


def from_file(file: Path, variable: str) -> SecretStr:
    """Return the text of a file, without blanks around it. `variable` names the file.

    Raises SettingsError if it cannot be read, or holds nothing. The error does not repeat what it holds.
    """
    try:
        secret = file.read_text(encoding=encoding_of(file)).strip()
    except OSError as error:
        raise SettingsError(
            f"The secret cannot be read: {error.__class__.__name__}.",
            where=str(file),
            hint=f"{variable} must name a text file that this user may read.",
        ) from None
    if not secret:
        raise SettingsError(
            "The file is empty.", where=str(file), hint=f"Write what {variable.removesuffix('_FILE')} would be into it."
        )
    return SecretStr(secret)


def from_keyring(service: str, key: str) -> SecretStr:
    """Return what the system's keyring keeps for the user `key` of a service. Raises SettingsError."""
    with extra("keyring", "STREAM_API_SECRET_KEYRING"):
        import keyring
        from keyring.errors import KeyringError

    try:
        secret = keyring.get_password(service, key)
    except KeyringError as error:
        raise SettingsError(
            f"The system's keyring cannot be read: {error.__class__.__name__}.",
            where="STREAM_API_SECRET_KEYRING",
            hint="Without a keyring, use STREAM_API_SECRET_FILE.",
        ) from None
    if not secret:
        raise SettingsError(
            f"The keyring has no secret for the key {key!r} under {service!r}.",
            where="STREAM_API_SECRET_KEYRING",
            hint=f"Store it: python -m keyring set {service} {key}",
        )
    return SecretStr(secret)
