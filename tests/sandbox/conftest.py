"""A real sandbox, its clients, and WebSockets into it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import stream_chat

from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import PATIENCE


class Person:
    """A person's client: REST by a user token, and WebSockets."""

    def __init__(self, running: RunningSandbox, http: aiohttp.ClientSession, user_id: str, token: str) -> None:
        self.running, self.http, self.user_id, self.token = running, http, user_id, token
        self.connection_id: str | None = None

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a call."""
        params = {"api_key": self.running.api_key, **query}
        if self.connection_id is not None:
            params["connection_id"] = self.connection_id
        headers = {"Authorization": self.token, "stream-auth-type": "jwt"}
        async with self.http.request(method, self.running.url + path, params=params, json=body, headers=headers) as r:
            return r.status, await r.json()

    async def connect(self, **details: Any) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket, before its first frame."""
        hello = {"user_id": self.user_id, "user_details": {"id": self.user_id, **details}}
        params = {
            "json": json.dumps(hello),
            "api_key": self.running.api_key,
            "authorization": self.token,
            "stream-auth-type": "jwt",
        }
        return await self.http.ws_connect(self.running.url + "/connect", params=params)

    async def online(self) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket after its first health check; REST calls carry its connection id from now on."""
        socket = await self.connect()
        first = await frame(socket)
        assert first["type"] == "health.check"
        self.connection_id = first["connection_id"]
        return socket

    async def watch(self, channel_id: str, channel_type: str = "messaging") -> dict[str, Any]:
        """Watch a channel; returns its state."""
        status, state = await self.call(
            "POST", f"/channels/{channel_type}/{channel_id}/query", {"watch": True, "state": True}
        )
        assert status == 201, state
        return state


async def frame(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next frame."""
    return dict(await socket.receive_json(timeout=PATIENCE))


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of a type; others are passed over."""
    while True:
        event = await frame(socket)
        if event["type"] == kind:
            return event


class World:
    """A sandbox with a server-side client and people."""

    def __init__(self, running: RunningSandbox, server: Any, http: aiohttp.ClientSession) -> None:
        self.running, self.server, self.http = running, server, http

    def person(self, user_id: str, **claims: Any) -> Person:
        """A client with a user token."""
        return Person(self.running, self.http, user_id, self.server.create_token(user_id, **claims))

    async def channel(self, channel_id: str, *members: str) -> Any:
        """A messaging channel, created by its first member."""
        await self.server.upsert_users([{"id": member} for member in members])
        channel = self.server.channel("messaging", channel_id, {"members": list(members)})
        await channel.create(members[0])
        return channel


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with (
        start_sandbox() as running,
        stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as server,
        aiohttp.ClientSession() as http,
    ):
        yield World(running, server, http)
