"""Who is signed in: links that work once, and sessions that end. All replicas share them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

LINK_LASTS = timedelta(minutes=15)
IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=12)
_NOTED_EVERY = 30.0
"""Seconds between two notes of when a session was used last."""


def _tables() -> MetaData:
    from framework.console.tables import METADATA

    return METADATA


SCHEMA = Schema("console", version=1, tables=_tables)


@dataclass(frozen=True)
class SignIn:
    """A session of a person. `granted` is the role that the link named; empty: the one that follows from `team`.

    `form_token` goes into every form: who does not have the cookie cannot know it.
    """

    user: str
    granted: str
    form_token: str


class SignIns:
    """Links and sessions in the database. Every method raises EngineError if it cannot be used."""

    def __init__(self, storage: Storage, *, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._now = now

    def issue(self, user: str, granted: str = "") -> str:
        """Return the secret of a link, which signs in this person once within `LINK_LASTS`. Blocks."""
        secret, expires = secrets.token_urlsafe(32), self._seconds() + LINK_LASTS.total_seconds()
        self._storage.write_now(SCHEMA, lambda c: _issue(c, _hash(secret), user, granted, expires, self._seconds()))
        return secret

    async def redeem(self, secret: str) -> str | None:
        """Return the cookie of a new session; None if the link was used, is too old, or never was."""
        cookie, now = secrets.token_urlsafe(32), self._seconds()
        done = await self._storage.write(SCHEMA, lambda c: _redeem(c, _hash(secret), _hash(cookie), now))
        return cookie if done else None

    async def find(self, cookie: str, *, noted: bool = True) -> SignIn | None:
        """Return the session of a cookie; None if it was idle for `IDLE`, is older than `LONGEST`, or has ended.

        Unless it is `noted`, the session goes on being idle.
        """
        now, key = self._seconds(), _hash(cookie)
        row = await self._storage.read(SCHEMA, lambda connection: _session(connection, key, now))
        if row is None:
            return None
        user, granted, seen = row
        if noted and now - seen > _NOTED_EVERY:
            await self._storage.write(SCHEMA, lambda connection: _seen(connection, key, now))
        return SignIn(user, granted, hashlib.sha256(f"form\n{cookie}".encode()).hexdigest())

    async def end(self, cookie: str) -> None:
        """End a session."""
        await self._storage.write(SCHEMA, lambda connection: _end(connection, _hash(cookie)))

    async def end_all(self, user: str) -> int:
        """End all sessions of a person, and void their links. Returns how many there were."""
        return await self._storage.write(SCHEMA, lambda connection: _end_all(connection, user))

    def _seconds(self) -> float:
        return self._now().timestamp()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _issue(connection: Connection, key: str, user: str, granted: str, expires: float, now: float) -> None:
    from sqlalchemy import delete, insert

    from framework.console.tables import LINKS

    connection.execute(delete(LINKS).where(LINKS.c.expires < now))
    connection.execute(insert(LINKS).values(hash=key, user=user, granted=granted, expires=expires))


def _redeem(connection: Connection, link: str, key: str, now: float) -> bool:
    from sqlalchemy import delete, insert

    from framework.console.tables import LINKS, SIGN_INS

    used = delete(LINKS).where(LINKS.c.hash == link).returning(LINKS.c.user, LINKS.c.granted, LINKS.c.expires)
    row = connection.execute(used).first()
    if row is None or row.expires < now:
        return False
    old = SIGN_INS.c.since < now - LONGEST.total_seconds()
    connection.execute(delete(SIGN_INS).where(old))
    connection.execute(insert(SIGN_INS).values(hash=key, user=row.user, granted=row.granted, since=now, seen=now))
    return True


def _session(connection: Connection, key: str, now: float) -> tuple[str, str, float] | None:
    from sqlalchemy import select

    from framework.console.tables import SIGN_INS

    row = connection.execute(select(SIGN_INS).where(SIGN_INS.c.hash == key)).first()
    if row is None or now - row.since > LONGEST.total_seconds() or now - row.seen > IDLE.total_seconds():
        return None
    return row.user, row.granted, row.seen


def _seen(connection: Connection, key: str, now: float) -> None:
    from sqlalchemy import update

    from framework.console.tables import SIGN_INS

    connection.execute(update(SIGN_INS).where(SIGN_INS.c.hash == key).values(seen=now))


def _end(connection: Connection, key: str) -> None:
    from sqlalchemy import delete

    from framework.console.tables import SIGN_INS

    connection.execute(delete(SIGN_INS).where(SIGN_INS.c.hash == key))


def _end_all(connection: Connection, user: str) -> int:
    from sqlalchemy import delete

    from framework.console.tables import LINKS, SIGN_INS

    links = connection.execute(delete(LINKS).where(LINKS.c.user == user)).rowcount
    return links + connection.execute(delete(SIGN_INS).where(SIGN_INS.c.user == user)).rowcount
