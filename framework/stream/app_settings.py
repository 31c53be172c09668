"""The settings of the Stream app, and the service's clock: what a look at the set-up needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import orjson

from framework.net.headers import service_time
from framework.settings import Settings
from framework.stream.client import read_refusal
from framework.stream.credentials import short_secrets
from framework.stream.factory import no_app
from framework.stream.failure import garbled, refused, unreachable

TIMEOUT = aiohttp.ClientTimeout(total=5, connect=3)


@dataclass(frozen=True)
class AppFacts:
    """`app` is what `GetApp` says, `channel_types` those of the app by name. `time` is the service's clock, if told;
    `seconds` is how long the first answer took.
    """

    app: Mapping[str, Any]
    channel_types: Mapping[str, Mapping[str, Any]]
    time: datetime | None
    seconds: float


class AppReader:
    """Reads an app with its own rights. Use it as `async with`."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the settings name no app."""
        if settings.stream_api_key is None or settings.stream_api_secret is None:
            raise no_app()
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> AppReader:
        self._session = aiohttp.ClientSession(self._settings.base_url, timeout=TIMEOUT)
        return self

    async def __aexit__(self, *_failure: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def settings(self) -> AppFacts:
        """Read the settings. Raises ChatServiceError."""
        import time

        started = time.monotonic()
        app, told = await self.get("/app")
        seconds = time.monotonic() - started
        types, _ = await self.get("/channeltypes")
        return AppFacts(app.get("app", {}), types.get("channel_types", {}), told, seconds)

    async def users(self, ids: list[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return those of these users that exist, by id. Raises ChatServiceError."""
        asked = {"filter_conditions": {"id": {"$in": ids}}, "limit": 100, "include_deactivated_users": True}
        found, _ = await self.get("/users", payload=orjson.dumps(asked).decode())
        return {user["id"]: user for user in found.get("users", [])}

    async def channels(self, types: list[str], user_id: str) -> Mapping[str, bool]:
        """Return the newest thirty channels of these types by cid, and whether the user is a member of each. Raises
        ChatServiceError.
        """
        asked = {
            "filter_conditions": {"type": {"$in": types}},
            "sort": [{"field": "created_at", "direction": -1}],
            "limit": 30,
            "state": True,
            "message_limit": 1,
            "user_id": user_id,
        }
        found, _ = await self._call("POST", "/channels", json=asked)
        return {one["channel"]["cid"]: bool(one.get("membership")) for one in found.get("channels", [])}

    async def get(self, path: str, **query: str) -> tuple[Mapping[str, Any], datetime | None]:
        """Return an answer, and the service's clock. Raises ChatServiceError."""
        return await self._call("GET", path, **query)

    async def _call(
        self, method: str, path: str, json: object = None, **query: str
    ) -> tuple[Mapping[str, Any], datetime | None]:
        if self._session is None:
            raise AssertionError("use `async with`")
        base_url, key = self._settings.base_url, self._settings.stream_api_key or ""
        headers = {"Authorization": self._token(), "stream-auth-type": "jwt"}
        try:
            async with self._session.request(
                method, path, params={"api_key": key, **query}, headers=headers, json=json, allow_redirects=False
            ) as answer:
                body, told = await answer.text(), service_time({k.lower(): v for k, v in answer.headers.items()})
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(base_url, error) from None
        if answer.status >= 300:
            raise refused(base_url, answer.status, *read_refusal(body))
        try:
            read = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise garbled(base_url, answer.status) from None
        return (read if isinstance(read, dict) else {}), told

    def _token(self) -> str:
        """Without times, so that a wrong clock of this machine can be told."""
        import jwt

        secret = self._settings.stream_api_secret
        with short_secrets():
            return jwt.encode({"server": True}, secret.get_secret_value() if secret else "", algorithm="HS256")
