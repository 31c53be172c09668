"""Sign the tokens of a bot user. Nothing else in this room signs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from pydantic import SecretStr

LIFETIME = timedelta(hours=1)
# A `Date` header has a resolution of a second and travels for a while: a smaller difference is not a skew.
SKEW = timedelta(seconds=10)
# The service refuses a token issued in its future, so ours are dated back by more than the skew that goes unnoticed;
# not by much more, because it may also refuse all tokens issued before a moment.
BACKDATE = timedelta(seconds=15)

_log = structlog.get_logger(__name__)


class Credentials:
    """Signs short-lived HS256 tokens for one user and renews them before they expire.

    A token lives for `lifetime`; its last tenth is not used. Only the SDK gets the secret.
    """

    def __init__(
        self,
        key: str,
        secret: SecretStr,
        user_id: str,
        *,
        now: Callable[[], datetime],
        lifetime: timedelta = LIFETIME,
    ) -> None:
        self.key = key
        self.secret = secret
        self.user_id = user_id
        self._now = now
        self._lifetime = lifetime
        self._skew = timedelta()
        self._token = ""
        self._renew_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Credentials(user_id={self.user_id!r})"

    def user_token(self) -> str:
        """Return the token in use, or a new one if that is about to expire."""
        if self._renew_at is None or self._now() >= self._renew_at:
            self.renew()
        return self._token

    def renew(self) -> None:
        """Sign a new token: the service refused the last one."""
        import jwt

        now = self._now()
        issued = now + self._skew
        claims = {
            "user_id": self.user_id,
            "iat": int((issued - BACKDATE).timestamp()),
            "exp": int((issued + self._lifetime).timestamp()),
        }
        with short_secrets():
            self._token = jwt.encode(claims, self.secret.get_secret_value(), algorithm="HS256")
        self._renew_at = now + self._lifetime * 0.9

    def learn(self, service_time: datetime) -> None:
        """Date tokens by the service's clock from now on, if ours is off by more than `SKEW`."""
        skew = service_time - self._now()
        if abs(skew - self._skew) <= SKEW:
            return
        self._skew = skew
        self._renew_at = None
        _log.warning(
            "stream.clock_skew",
            seconds=round(skew.total_seconds()),
            hint="Set this machine's clock (NTP). Tokens are dated by the service's clock until then.",
        )


@contextmanager
def short_secrets() -> Iterator[None]:
    """Sign with a short secret without a warning: the service chose its length."""
    from jwt import InsecureKeyLengthWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)
        yield
