"""Keys of moderation, derived from the app's secret: the same in every process of the app."""

from __future__ import annotations

import hmac

from pydantic import SecretStr

_LABEL = b"agents-in-channels moderation digests 1"


def content_key(secret: SecretStr) -> bytes:
    """The key of digests of texts. It tells nothing of the secret."""
    return hmac.digest(secret.get_secret_value().encode("utf-8", "surrogatepass"), _LABEL, "sha256")
