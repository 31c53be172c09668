"""The one holder of the secret: a short-lived token for each call, and handles for tokens that were issued."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from framework.errors import FrameworkError
from framework.logs.secrets import Redactor
from framework.stream.credentials import BACKDATE, SKEW, short_secrets
from framework.stream.ids import IdKey

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME = timedelta(seconds=60)
MOST_HANDLES = 1_000
HANDLE = "user-token-"


class HandleError(FrameworkError):
    """A handle that was never given to whoever shows it, or is too old."""


@dataclass(frozen=True)
class _Issued:
    user_id: str
    holder: str
    until: datetime


class CredentialBroker:
    """Mints HS256 tokens, each for one call. Neither the secret nor a token leaves in any other way. `id_key` makes ids
    of messages that nobody else can compute.

    `now` is the clock (aware, UTC), `lifetime` how long a minted token lives.
    """

    def __init__(
        self, key: str, secret: SecretStr, *, now: Callable[[], datetime], lifetime: timedelta = LIFETIME
    ) -> None:
        self.key = key
        self.redact = Redactor([secret], named=False)
        self.id_key = IdKey(secret)
        self._secret = secret
        self._now = now
        self._lifetime = lifetime
        self._skew = timedelta()
        self._handles: OrderedDict[str, _Issued] = OrderedDict()

    def __repr__(self) -> str:
        return f"CredentialBroker(key={self.key!r})"

    def mint(self, user_id: str | None, *, lifetime: timedelta | None = None) -> SecretStr:
        """A new token: of this user, or with the rights of the whole app where it is None."""
        import jwt

        issued = self._now() + self._skew
        claims: dict[str, object] = {"server": True} if user_id is None else {"user_id": user_id}
        claims["iat"] = int((issued - BACKDATE).timestamp())
        claims["exp"] = int((issued + (lifetime or self._lifetime)).timestamp())
        with short_secrets():
            return SecretStr(jwt.encode(claims, self._secret.get_secret_value(), algorithm="HS256"))

    def learn(self, service_time: datetime) -> None:
        """Date tokens by the service's clock from now on, where ours is off."""
        skew = service_time - self._now()
        if abs(skew - self._skew) > SKEW:
            self._skew = skew

    def issue_handle(self, user_id: str, holder: str, lifetime: timedelta) -> str:
        """A name for the right to act as a user, worth something only to `holder` and only for so long."""
        handle = HANDLE + secrets.token_hex(8)
        self._handles[handle] = _Issued(user_id, holder, self._now() + lifetime)
        while len(self._handles) > MOST_HANDLES:
            self._handles.popitem(last=False)
        return handle

    def resolve(self, handle: str, holder: str) -> str:
        """The user that a handle stands for. Raises HandleError."""
        issued = self._handles.get(handle)
        if issued is None or issued.holder != holder or self._now() >= issued.until:
            raise HandleError(
                "This handle is not known here, or has expired.", hint="issue_user_token gives out a new one."
            )
        return issued.user_id
