"""Who is a member of a channel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from framework.aio import together
from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.model import ChannelRef, Member
from framework.stream.service.channels import StreamChannels
from framework.stream.service.queries import A_PAGE, CHANNELS_A_PAGE, chunks, path_part
from framework.stream.wire import read_member
from framework.values import JsonObject, Untyped

# Channels joined at the same time: enough to be quick, few enough to leave the turns their share.
JOINING = 8


class StreamMembers:
    """Calls about members, with the app's own rights. Each raises ChatServiceError."""

    def __init__(self, client: StreamClient, bot: str, channels: StreamChannels) -> None:
        self._client = client
        self._bot = bot
        self._channels = channels

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        """Make the bot a member of those of these channels that it is not in yet, some at a time."""
        free = asyncio.Semaphore(JOINING)
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            joined = set(await self._channels.fitting(chunk, where={}, joined=True))
            await together(*(self._join(channel, free) for channel in chunk if channel not in joined))

    async def _join(self, channel: ChannelRef, free: asyncio.Semaphore) -> None:
        async with free:
            await self._add(channel, [self._bot])

    async def add(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        """Make users members of a channel."""
        for chunk in chunks(user_ids, A_PAGE):
            await self._add(channel, chunk)

    async def _add(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        members = [{"user_id": user_id} for user_id in user_ids]
        await self._client.as_server(
            Endpoint.UPDATE_CHANNEL,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).add_members(members),
        )

    async def of(self, channel: ChannelRef, *, ids: Sequence[str] = ()) -> Sequence[Member]:
        """Return the members of a channel, longest first; with `ids`, those of them who are members."""
        if ids:
            return [member for chunk in chunks(ids, A_PAGE) for member in await self._page(channel, chunk, 0)]
        found: list[Member] = []
        while True:
            page = await self._page(channel, (), len(found))
            found += page
            if len(page) < A_PAGE:
                return found

    async def _page(self, channel: ChannelRef, ids: Sequence[str], offset: int) -> list[Member]:
        conditions: JsonObject = {"id": {"$in": list(ids)}} if ids else {}

        async def ask(sdk: Untyped) -> JsonObject:
            # Not quoted: this id stands in a query, not in a path.
            members = await sdk.channel(channel.type, channel.id).query_members(
                conditions, sort=[{"field": "created_at", "direction": 1}], limit=A_PAGE, offset=offset
            )
            return {"members": members}

        reply = await self._client.as_server(Endpoint.QUERY_MEMBERS, ask)
        return [member for item in reply["members"] if (member := read_member(item)) is not None]
