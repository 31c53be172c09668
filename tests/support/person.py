"""A person in a channel, who uses Stream's official SDK as any customer's app does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from stream_chat import StreamChatAsync

from framework.stream.model import ChannelRef
from tests.support.waiting import PATIENCE


class Person:
    """Posts in one channel and waits for what the bot says to it."""

    def __init__(self, client: StreamChatAsync, user_id: str, channel: ChannelRef) -> None:
        self._channel = client.channel(channel.type, channel.id)
        self._user_id = user_id

    async def arrive(self) -> None:
        """Create the channel where it is missing, and become a member."""
        await self._channel.create(self._user_id)
        await self._channel.add_members([{"user_id": self._user_id}])

    async def say(self, text: str, **fields: Any) -> str:
        """Post a message; returns its id."""
        response = await self._channel.send_message({"text": text, **fields}, self._user_id)
        return str(response["message"]["id"])

    async def react(self, message_id: str, kind: str) -> None:
        """React to a message."""
        await self._channel.send_reaction(message_id, {"type": kind}, self._user_id)

    async def send_event(self, kind: str, **data: Any) -> None:
        """Send an event of the app's own."""
        await self._channel.send_event({"type": kind, **data}, self._user_id)

    async def replies(self, message_id: str) -> list[dict[str, Any]]:
        """The replies to a message that are there now, finished or not."""
        state = await self._channel.query(state=True, messages={"limit": 300})
        return [message for message in state["messages"] if message.get("reply_to") == message_id]

    async def reply(self, message_id: str) -> dict[str, Any]:
        """Wait for the finished reply to a message. Raises TimeoutError where there is none."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.replies(message_id)
                if found and not found[0].get("generating"):
                    return found[0]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def person(
    url: str, api_key: str, api_secret: str, *, user_id: str = "maria", channel: str = "messaging:support-123"
) -> AsyncIterator[Person]:
    """Somebody who has arrived in a channel."""
    async with StreamChatAsync(api_key, api_secret, base_url=url) as client:
        await client.upsert_user({"id": user_id, "name": user_id.title()})
        someone = Person(client, user_id, ChannelRef.parse(channel))
        await someone.arrive()
        yield someone
