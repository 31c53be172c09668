"""A sandbox in memory for one conversation test, and people who act in its channels as their clients would."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from pydantic import SecretStr

from framework.aio import background
from framework.errors import FrameworkError
from framework.extras import extra
from framework.settings import Settings
from framework.stream.model import ChannelRef
from framework.stream.timing import Timing
from framework.testing.scenario import Person
from framework.values import Untyped

_KEY = "conversation-test"
_SECRET = "the-secret-of-a-sandbox-that-lives-for-one-test"  # noqa: S105 - of no other app
_PAGE = 300
_PING = 25.0
"""Seconds between two signs of life of a client."""


@dataclass(frozen=True)
class _Clock:
    """The sandbox's clock, which is the test's."""

    timing: Timing

    def now(self) -> Untyped:
        return self.timing.now()


class SandboxApp:
    """An app of its own. Calls raise FrameworkError where the sandbox refuses what a person does."""

    def __init__(self, url: str, session: aiohttp.ClientSession, secret: str = _SECRET) -> None:
        self.url = url
        self._session = session
        self._secret = secret
        token = jwt.encode({"server": True}, secret, algorithm="HS256")
        self._headers = {"Authorization": token, "stream-auth-type": "jwt"}

    def settings(self, settings: Settings) -> Settings:
        """The environment, with this app in the place of any other."""
        return settings.model_copy(
            update={
                "stream_api_key": _KEY,
                "stream_api_secret": SecretStr(self._secret),
                "stream_base_url": self.url,
                "stream_api_secret_file": None,
                "stream_api_secret_keyring": None,
            }
        )

    async def add_people(self, people: Mapping[str, Person]) -> None:
        """Make people known to the app."""
        users = {
            id_: {
                "id": id_,
                "name": person.name or id_.title(),
                "role": person.role,
                **person.custom,
                **_bot_mark(person),
            }
            for id_, person in people.items()
        }
        await self._call("POST", "/users", {"users": users})

    async def open_channel(
        self, channel: ChannelRef, *, by: str, members: list[str], custom: Mapping[str, Any]
    ) -> None:
        """Create a channel with these members."""
        data = {"created_by_id": by, "members": members, **custom}
        await self._call("POST", f"{_path(channel)}/query", {"data": data, "state": False})

    async def post(self, channel: ChannelRef, user_id: str, text: str, fields: Mapping[str, Any]) -> str:
        """Someone writes a message; returns its id."""
        message = {"text": text, "user_id": user_id, **fields}
        answer = await self._call("POST", f"{_path(channel)}/message", {"message": message})
        return str(answer["message"]["id"])

    async def edit(self, message_id: str, user_id: str, text: str) -> None:
        """Someone gives a message another text."""
        await self._call("PUT", f"/messages/{message_id}", {"user_id": user_id, "set": {"text": text}})

    async def delete(self, message_id: str) -> None:
        """A message is deleted, softly."""
        await self._call("DELETE", f"/messages/{message_id}")

    async def react(self, message_id: str, user_id: str, kind: str) -> None:
        """Someone reacts to a message."""
        await self._call("POST", f"/messages/{message_id}/reaction", {"reaction": {"type": kind, "user_id": user_id}})

    async def join(self, channel: ChannelRef, user_id: str) -> None:
        """Someone becomes a member."""
        await self._call("POST", _path(channel), {"add_members": [user_id]})

    async def event(self, channel: ChannelRef, user_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Someone's app sends an event."""
        await self._call("POST", f"{_path(channel)}/event", {"event": {"type": kind, "user_id": user_id, **data}})

    async def read(self, channel: ChannelRef) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A channel's own fields, and its messages in order, those in threads too."""
        state = await self._call(
            "POST", f"{_path(channel)}/query", {"state": True, "messages": {"limit": _PAGE}, "data": {}}
        )
        messages = list(state["messages"])
        for parent in [message for message in messages if message.get("reply_count")]:
            page = await self._call("GET", f"/messages/{parent['id']}/replies", query={"limit": str(_PAGE)})
            known = {message["id"] for message in messages}
            messages += [message for message in page["messages"] if message["id"] not in known]
        return state["channel"], sorted(messages, key=lambda message: str(message["created_at"]))

    async def events(self, user_id: str) -> AsyncIterator[dict[str, Any]]:
        """What happens in the channels that a user is a member of, as their client would be told of it."""
        token = jwt.encode({"user_id": user_id}, self._secret, algorithm="HS256")
        known = json.dumps({"user_id": user_id, "user_details": {"id": user_id}})
        where = {"json": known, "api_key": _KEY, "authorization": token, "stream-auth-type": "jwt"}
        async with self._session.ws_connect(f"{self.url}/connect", params=where) as socket:
            hello = await socket.receive_json()
            await self._watch(user_id, str(hello["connection_id"]), token)
            async with background(_ping(socket), name="pings"):
                async for frame in socket:
                    event = json.loads(frame.data)
                    yield event
                    if event.get("type") == "notification.added_to_channel":
                        await self._watch(user_id, str(hello["connection_id"]), token)

    async def _watch(self, user_id: str, connection: str, token: str) -> None:
        body = {"filter_conditions": {"members": {"$in": [user_id]}}, "watch": True, "state": True, "limit": 30}
        query = {"connection_id": connection}
        await self._call("POST", "/channels", body, query, headers={**self._headers, "Authorization": token})

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        given = {"api_key": _KEY, **(query or {})}
        async with self._session.request(
            method, self.url + path, json=body, params=given, headers=headers or self._headers
        ) as response:
            answer = await response.json()
            if response.status >= 400:
                raise FrameworkError(f"The sandbox refused {method} {path}: {answer.get('message', answer)}")
            return dict(answer)


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(_PING)
        await socket.send_str('[{"type": "health.check"}]')


@asynccontextmanager
async def open_sandbox_app(timing: Timing | None) -> AsyncIterator[SandboxApp]:
    """An app for as long as the block lasts, on the caller's loop and clock. None: in real time, for a person."""
    with extra("sandbox", "A conversation test"):
        from framework.sandbox.dev.server import beside, serving
        from framework.sandbox.kernel.config import SandboxConfig

    secret = _SECRET if timing is not None else secrets.token_urlsafe(32)
    config = SandboxConfig(port=0, api_key=_KEY, api_secret=secret)
    served = serving(config) if timing is None else beside(config, _Clock(timing))
    async with served as running, aiohttp.ClientSession() as session:
        yield SandboxApp(running.url, session, secret)


def _path(channel: ChannelRef) -> str:
    return f"/channels/{channel.type}/{channel.id}"


def _bot_mark(person: Person) -> dict[str, Any]:
    return {"is_bot": True} if person.bot else {}
