"""Who is calling: the api key and the JWT, checked as the service checks them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import jwt

from framework.sandbox.kernel.app import APP
from framework.sandbox.kernel.errors import unauthenticated
from framework.sandbox.kernel.protocol import Actor, ActorKind
from framework.sandbox.kernel.wire import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from framework.sandbox.kernel.clock import Clock
    from framework.sandbox.kernel.config import SandboxConfig
    from framework.sandbox.kernel.store.store import RecordStore

ANONYMOUS_PREFIX = "anon:"
"""Stands before an id that somebody without a token made up. No user's id can hold a colon, so it is nobody's."""
_REMEMBERED = 4096
_NO_TOKEN = (None, "", "undefined")
"""What clients send that have no token: the JavaScript client interpolates an undefined one."""
_DECODE_OPTIONS: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(frozen=True)
class Claims:
    """What a verified token says. Times are Unix seconds."""

    server: bool
    user_id: str | None
    exp: float | None
    nbf: float | None
    iat: float | None


class TokenAccount(Protocol):
    """What matters of a user for its tokens."""

    revoke_tokens_issued_before: datetime | None
    deactivated_at: datetime | None


class Authenticator:
    """Turns credentials into an actor. Raises ApiError 401 with code 2, 5, 40, 41, 42 or 43."""

    def __init__(
        self, config: SandboxConfig, clock: Clock, store: RecordStore, account_of: Callable[[str], TokenAccount | None]
    ) -> None:
        self._config = config
        self._clock = clock
        self._store = store
        self._account_of = account_of
        # Verifying a signature costs as much as a fifth of a send; clients repeat one token for hours.
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def check_key(self, api_key: str | None) -> None:
        """401 code 2 unless this is the app's key."""
        if not api_key:
            raise unauthenticated("api_key not provided", 2)
        if api_key != self._config.api_key:
            raise unauthenticated("api_key is not valid", 2)

    def identify(self, token: str | None, auth_type: str | None, claimed_user: str | None = None) -> Actor:
        """Return the actor of a token. `claimed_user` is the id that an anonymous caller made up."""
        if auth_type == "anonymous":
            return Actor(ActorKind.ANONYMOUS, f"{ANONYMOUS_PREFIX}{claimed_user or ''}")
        if token in _NO_TOKEN:
            raise unauthenticated("authorization header is missing or empty: no token was provided")
        claims = self._claims(token or "")
        self._check_times(claims)
        if claims.server:
            return Actor(ActorKind.SERVER)
        if not claims.user_id:
            raise unauthenticated("the token has neither a user_id nor a server claim")
        self._check_revoked(claims.user_id, claims)
        return Actor(ActorKind.USER, claims.user_id)

    def token_for(self, user_id: str, lifetime_s: float | None = None) -> str:
        """Return a user token signed with the app's secret; `lifetime_s` None never expires."""
        claims: dict[str, Any] = {"user_id": user_id}
        if lifetime_s is not None:
            issued = int(self._clock.now().timestamp())
            claims |= {"iat": issued, "exp": issued + int(lifetime_s)}
        return jwt.encode(claims, self._config.api_secret, algorithm="HS256")

    def _claims(self, token: str) -> Claims:
        known = self._verified.get(token)
        if known is not None:
            self._verified.move_to_end(token)
            return known
        claims = self._verify(token)
        self._verified[token] = claims
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return claims

    def _verify(self, token: str) -> Claims:
        token = token.removeprefix("Bearer ")
        try:
            payload = jwt.decode(token, self._config.api_secret, algorithms=["HS256"], options=_DECODE_OPTIONS)
        except jwt.InvalidSignatureError as error:
            raise unauthenticated("JWTAuth error: signature is not valid", 43) from error
        except jwt.PyJWTError as error:
            raise unauthenticated(f"JWTAuth error: the token is malformed: {error}") from error
        user_id = payload.get("user_id")
        if user_id is not None and not isinstance(user_id, str):
            raise unauthenticated("JWTAuth error: user_id must be a string")
        exp, nbf, iat = (_seconds(payload, name) for name in ("exp", "nbf", "iat"))
        # The v2 SDK's server tokens have no claims at all: only the holder of the secret can sign one.
        server = payload.get("server") is True or (user_id is None and "server" not in payload)
        return Claims(server, user_id, exp, nbf, iat)

    def _check_times(self, claims: Claims) -> None:
        if claims.exp is None and claims.nbf is None and claims.iat is None:
            return
        now = self._clock.now().timestamp()
        if claims.exp is not None and now >= claims.exp:
            raise unauthenticated("JWTAuth error: token is expired (exp)", 40)
        if claims.nbf is not None and now < claims.nbf:
            raise unauthenticated("JWTAuth error: token is not valid yet (nbf)", 41)
        # Issuers' clocks differ a little: the service tolerates some seconds, too.
        if claims.iat is not None and claims.iat > now + 5:
            raise unauthenticated("JWTAuth error: token used before issue at (iat)", 42)

    def _check_revoked(self, user_id: str, claims: Claims) -> None:
        user = self._account_of(user_id)
        limits = [user.revoke_tokens_issued_before if user else None, self._app_limit()]
        for limit in limits:
            if limit is not None and (claims.iat is None or datetime.fromtimestamp(claims.iat, UTC) < limit):
                raise unauthenticated("JWTAuth error: the token was revoked", 40)
        if user is not None and user.deactivated_at is not None:
            raise unauthenticated(f"the user {user_id} is deactivated")

    def _app_limit(self) -> datetime | None:
        app = self._store[APP].get("app")
        value = app.settings.get("revoke_tokens_issued_before") if app else None
        return parse_time(value, "revoke_tokens_issued_before") if value else None


def _seconds(payload: dict[str, Any], name: str) -> float | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e11:
        raise unauthenticated(f"JWTAuth error: {name} must be a number of seconds")
    return float(value)
