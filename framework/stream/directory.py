"""Which channels there are, and the bot's membership in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from framework.stream.budget import Endpoint
from framework.stream.client import Json, StreamClient
from framework.stream.model import ChannelRef, ChannelState, Message
from framework.stream.wire import WireError, read_channel, read_cid, read_message, read_time

# What one query may ask for.
CHANNELS_A_PAGE = 30
THREADS_A_PAGE = 25
# Channels joined at the same time: enough to be quick, few enough to leave the turns their share.
JOINING = 8

T = TypeVar("T")


class Directory:
    """Finds, creates and joins channels, with the app's own rights. Raises ChatServiceError."""

    def __init__(self, client: StreamClient, bot_id: str) -> None:
        self._client = client
        self._bot = bot_id

    async def find(
        self,
        type_: str,
        created_after: datetime | None = None,
        where: Mapping[str, Any] | None = None,
        *,
        joined: bool = False,
        without: str = "",
    ) -> Sequence[ChannelRef]:
        """All channels of a type, newest first. Pages by time: an offset is allowed up to 1,000 only."""
        conditions = {**self._conditions(where or {}, joined=joined), "type": type_}
        found: dict[ChannelRef, None] = {}
        bounds: dict[str, str] = {"$gt": created_after.isoformat()} if created_after else {}
        oldest, at_oldest = "", 0
        while True:
            page = await self._page_of_channels(conditions, bounds, offset=at_oldest)
            for channel in page:
                created = str(channel.get("created_at", ""))
                if _before(created, created_after):
                    return list(found)
                ref = read_cid(channel)
                if ref is not None and not channel.get(without):
                    found[ref] = None
                at_oldest = at_oldest + 1 if created == oldest else 1
                oldest = created
            if len(page) < CHANNELS_A_PAGE:
                return list(found)
            bounds = {"$lte": oldest}

    async def fitting(
        self, channels: Sequence[ChannelRef], where: Mapping[str, Any], *, joined: bool
    ) -> Sequence[ChannelRef]:
        """Those of these channels whose fields have these values, and with `joined` of which the bot is a member."""
        found: set[ChannelRef] = set()
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            among = {"cid": {"$in": [str(channel) for channel in chunk]}}
            page = await self._page_of_channels({**self._conditions(where, joined=joined), **among}, {}, offset=0)
            found.update(ref for channel in page if (ref := read_cid(channel)) is not None)
        return [channel for channel in channels if channel in found]

    def _conditions(self, where: Mapping[str, Any], *, joined: bool) -> dict[str, Any]:
        return {**where, **({"members": {"$in": [self._bot]}} if joined else {})}

    async def _page_of_channels(self, conditions: dict[str, Any], bounds: Json, *, offset: int) -> list[Json]:
        if bounds:
            conditions = {**conditions, "created_at": bounds}
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels(
                conditions,
                sort=[{"field": "created_at", "direction": -1}],
                limit=CHANNELS_A_PAGE,
                offset=offset,
                state=False,
            ),
        )
        return [item["channel"] for item in reply.get("channels") or () if isinstance(item.get("channel"), Mapping)]

    async def create(self, channel: ChannelRef, custom: Mapping[str, Any]) -> None:
        """Create a channel with the bot as its member, unless it exists."""
        if await self.state(channel, limit=0) is not None:
            return
        data = {**custom, "created_by_id": self._bot, "members": [self._bot]}
        await self._client.as_server(
            Endpoint.GET_CHANNEL,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id), data).query(state=False, watch=False),
        )

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        """Make the bot a member of those of which it is none."""
        free = asyncio.Semaphore(JOINING)
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            joined = await self._joined(chunk)
            await asyncio.gather(*(self._join(channel, free) for channel in chunk if channel not in joined))

    async def _joined(self, channels: Sequence[ChannelRef]) -> set[ChannelRef]:
        """Those of at most 30 channels of which the bot is a member."""
        return set(await self.fitting(channels, {}, joined=True))

    async def _join(self, channel: ChannelRef, free: asyncio.Semaphore) -> None:
        async with free:
            await self._client.as_server(
                Endpoint.UPDATE_CHANNEL,
                lambda sdk: sdk.channel(channel.type, path_part(channel.id)).add_members([{"user_id": self._bot}]),
            )

    async def threads(self, since: datetime) -> list[Message]:
        """The parents of the bot's threads in which there was a reply since this time, the latest thread first."""
        found: dict[str, Message] = {}
        options: dict[str, Any] = {"user_id": self._bot, "limit": THREADS_A_PAGE, "reply_limit": 1}
        while True:
            reply = await self._page_of_threads(options)
            for item in reply.get("threads") or ():
                if _before(str(item.get("last_message_at", "")), since):
                    return list(found.values())
                with suppress(WireError):  # the thread of a message that is gone
                    parent = read_message(item.get("parent_message"), read_cid({"cid": item.get("channel_cid")}))
                    found[parent.id] = parent
            if not reply.get("next"):
                return list(found.values())
            options["next"] = reply["next"]

    async def _page_of_threads(self, options: Json) -> Json:
        latest = [{"field": "last_message_at", "direction": -1}]
        return await self._client.as_server(
            Endpoint.QUERY_THREADS, lambda sdk: sdk.query_threads({}, latest, **dict(options))
        )

    async def state(self, channel: ChannelRef, *, limit: int) -> ChannelState | None:
        """A channel by a query, which unlike reading it by its address cannot create it. None: it does not exist."""
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels(
                {"cid": str(channel)}, limit=1, state=limit > 0, message_limit=max(1, limit)
            ),
        )
        item = next(iter(reply.get("channels") or ()), None)
        return read_channel(item, self._bot) if item is not None else None

    async def states(self, channels: Sequence[ChannelRef], *, limit: int) -> Mapping[ChannelRef, ChannelState]:
        """Those of these channels that exist, with their newest messages."""
        found: dict[ChannelRef, ChannelState] = {}
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            for item in await self._page_of_states(chunk, limit):
                state = read_channel(item, self._bot)
                found[state.channel] = state
        return found

    async def _page_of_states(self, channels: Sequence[ChannelRef], limit: int) -> Sequence[Json]:
        conditions = {"cid": {"$in": [str(channel) for channel in channels]}}
        # Named, the bot's own membership comes along, however many members there are.
        page: dict[str, Any] = {"limit": CHANNELS_A_PAGE, "message_limit": limit, "state": True, "user_id": self._bot}
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS, lambda sdk: sdk.query_channels(conditions, **page)
        )
        return [item for item in reply.get("channels") or () if isinstance(item, Mapping)]


def path_part(id_: str) -> str:
    """An id as one part of a path: the SDK puts it there as it is."""
    return quote(id_, safe="")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    rest = list(items)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def _before(created: str, limit: datetime | None) -> bool:
    at = read_time(created)
    return limit is not None and at is not None and at <= limit
