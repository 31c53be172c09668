"""Tokens: whose they are, how long they live, when they are renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
from pydantic import SecretStr

from framework.stream.credentials import Credentials

SECRET = "a-secret-of-thirty-two-characters-or-more"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


def claims(token: str) -> dict[str, object]:
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})


def test_a_token_is_the_bots_and_short_lived() -> None:
    clock = Clock()
    token = Credentials("key", SecretStr(SECRET), "agent-bot", now=clock.now).user_token()
    now = int(START.timestamp())
    assert claims(token) == {"user_id": "agent-bot", "iat": now - 15, "exp": now + 3600}


def test_a_token_is_used_until_shortly_before_its_end() -> None:
    clock = Clock()
    credentials = Credentials("key", SecretStr(SECRET), "agent-bot", now=clock.now)
    first = credentials.user_token()
    clock.time = START + timedelta(minutes=53)
    assert credentials.user_token() == first
    clock.time = START + timedelta(minutes=54)
    assert credentials.user_token() != first
    assert claims(credentials.user_token())["exp"] == int(clock.time.timestamp()) + 3600


def test_a_refused_token_is_renewed_before_its_time() -> None:
    clock = Clock()
    credentials = Credentials("key", SecretStr(SECRET), "agent-bot", now=clock.now)
    first = credentials.user_token()
    clock.time += timedelta(seconds=1)
    credentials.renew()
    assert credentials.user_token() != first


def test_tokens_are_dated_by_the_services_clock_where_it_differs() -> None:
    clock = Clock()
    credentials = Credentials("key", SecretStr(SECRET), "agent-bot", now=clock.now)
    first = credentials.user_token()
    credentials.learn(START + timedelta(seconds=5))
    assert credentials.user_token() == first
    credentials.learn(START + timedelta(hours=3))
    assert claims(credentials.user_token())["exp"] == int(START.timestamp()) + 4 * 3600
    credentials.learn(START)
    assert claims(credentials.user_token()) == claims(first)


def test_the_secret_is_not_shown() -> None:
    credentials = Credentials("key", SecretStr(SECRET), "agent-bot", now=Clock().now)
    assert SECRET not in repr(credentials)
    assert SECRET not in str(vars(credentials))
