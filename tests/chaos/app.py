"""The app around the bot, as its operator and its people use it: by Stream's HTTP interface alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jwt

from tests.chaos.plan import Question
from tests.support.replicas import Sandbox

_EVENTS = ["message.new", "message.updated", "message.deleted", "reaction.new", "member.added", "member.removed"]
_PATIENCE = 60.0
PERSON = "maria"
BOT = "agent-bot"


class App:
    """Calls with the app's own rights. What the person does is tried again until the service has it."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self._sandbox = sandbox
        self._session = session

    async def prepare(self, channels: Iterable[str], *, bots: Sequence[str] = (BOT,)) -> None:
        """The person, the bots and the channels, as they are before anything begins."""
        users = {PERSON: {"id": PERSON}, **{bot: {"id": bot, "role": "admin"} for bot in bots}}
        await self.call("POST", "/users", {"users": users})
        for channel in channels:
            data = {"members": [PERSON, *bots], "created_by_id": PERSON}
            await self.call("POST", f"/channels/messaging/{channel}/query", {"data": data})

    async def hook(self, url: str) -> None:
        """Send the app's events there."""
        hook = {"hook_type": "webhook", "enabled": True, "webhook_url": url, "event_types": _EVENTS}
        await self.call("PATCH", "/app", {"event_hooks": [hook]})

    async def ask(self, asked: Question) -> None:
        """Post a question until it stands in the channel; twice is once, by its id. Raises TimeoutError."""
        body = {"message": {"id": asked.id, "text": asked.text, "user_id": PERSON}}
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                status, said = await self._post("POST", f"/channels/messaging/{asked.channel}/message", body)
            except (aiohttp.ClientError, OSError, TimeoutError):
                status, said = 0, {}
            if status == 201 or "already exists" in str(said.get("message")):
                return
            await asyncio.sleep(0.25)
        raise TimeoutError(f"{asked.id} could not be posted")

    async def fault(self, **fields: Any) -> None:
        """Have the sandbox fail so (docs/sandbox.md)."""
        await self.call("POST", "/sandbox/faults", fields)

    async def calm(self) -> None:
        """No more faults."""
        await self.call("DELETE", "/sandbox/faults", {})

    async def messages(self, channels: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """All messages of channels, oldest first, as the service holds them."""
        return dict(zip(channels, await asyncio.gather(*map(self._messages, channels)), strict=True))

    async def _messages(self, channel: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page: dict[str, Any] = {"limit": 300, **({"id_lt": found[0]["id"]} if found else {})}
            body = {"state": True, "messages": page}
            said = await self.call("POST", f"/channels/messaging/{channel}/query", body)
            found = [*said["messages"], *found]
            if len(said["messages"]) < 300:
                return found

    async def call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """One call, tried again while the service is away or asks for patience. Raises RuntimeError when refused."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                status, said = await self._post(method, path, body)
            except (aiohttp.ClientError, OSError, TimeoutError):
                status, said = 503, {}
            if status < 300:
                return said
            if (status != 429 and status < 500) or time.monotonic() > deadline:
                raise RuntimeError(f"{method} {path}: {status} {said}")
            await asyncio.sleep(0.25)

    async def _post(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        token = jwt.encode({"server": True}, self._sandbox.SECRET, algorithm="HS256")
        headers = {"authorization": token, "stream-auth-type": "jwt", "x-stream-client": "stream-node"}
        url, query = self._sandbox.url + path, {"api_key": self._sandbox.KEY}
        async with self._session.request(method, url, params=query, json=body, headers=headers) as response:
            try:
                said = await response.json()
            except (aiohttp.ContentTypeError, ValueError):
                said = {}
            return response.status, said if isinstance(said, dict) else {}


@asynccontextmanager
async def open_app(sandbox: Sandbox) -> AsyncIterator[App]:
    """The app, while the block runs."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=50)) as session:
        yield App(sandbox, session)
