"""Requests that are signed with the app's secret: their bodies are read, unpacked and checked before anything else."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from concurrent.futures import ThreadPoolExecutor

from pydantic import SecretStr
from starlette.requests import Request

from framework.stream.sources.bodies import Bodies, RefusedError
from framework.stream.sources.delivery import UnreadableEventError, is_packed, unpack

CHECKS_AT_ONCE = 2
CHECKED_AT_ONCE = 64 * 1024  # bytes: a signature of so many takes a tenth of a millisecond
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_UNSIGNED = "The signature is missing or wrong."


class SignedRequests:
    """Reads the bodies of requests that the service signed.

    Anybody can reach the endpoint. So a request without a well-formed signature is refused before its body is read. The
    body of any other request is read, unpacked and compared within the limits of `Bodies`; if it is packed or large,
    beside the event loop.
    """

    def __init__(self, secret: SecretStr, key: str | None) -> None:
        self._secret = secret
        self._key = key
        self._bodies = Bodies()
        self._checks = ThreadPoolExecutor(CHECKS_AT_ONCE, thread_name_prefix="signatures")

    def signs(self, request: Request, words: bytes) -> bool:
        """Return whether a request's signature is that of this text, made with the app's secret."""
        return _same(self._signature(words), request.headers.get("x-signature", ""))

    async def body(self, request: Request) -> bytes:
        """Return the body, unpacked. Raises RefusedError unless the service sent it."""
        given = request.headers.get("x-signature", "")
        if not _SIGNATURE.fullmatch(given):
            raise RefusedError(401, _UNSIGNED)
        key = request.headers.get("x-api-key")
        if self._key and key and not _same(self._key, key):
            raise RefusedError(401, "The API key is another app's.")
        async with self._bodies.place() as place:
            packed = await self._bodies.read(request, place)
            if len(packed) <= CHECKED_AT_ONCE and not is_packed(packed):
                return self._verified(packed, given)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._checks, self._verified, packed, given)

    def _verified(self, packed: bytes, given: str) -> bytes:
        try:
            body = unpack(packed)
        except UnreadableEventError as error:
            raise RefusedError(413 if error.too_large else 400, error.what) from None
        if not _same(self._signature(body), given):
            raise RefusedError(401, _UNSIGNED)
        return body

    def _signature(self, words: bytes) -> str:
        return hmac.new(self._secret.get_secret_value().encode(), words, hashlib.sha256).hexdigest()


def _same(known: str, given: str) -> bool:
    """Compare signatures in constant time."""
    return hmac.compare_digest(known.encode(), given.encode("utf-8", "replace"))
