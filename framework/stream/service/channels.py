"""Which channels there are, what they are, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.model import ChannelInfo, ChannelPage, ChannelRef, ChannelState
from framework.stream.service.queries import CHANNELS_A_PAGE, MOST_MESSAGES, chunks, objects, only, path_part
from framework.stream.service.read_messages import ReadMessages
from framework.stream.wire import read_channel, read_cid, read_info, read_time
from framework.values import Json, JsonObject


class StreamChannels:
    """Calls about channels, with the app's own rights. Each raises ChatServiceError.

    Channels are read by queries: reading one by its address would create it.
    """

    def __init__(self, client: StreamClient, bot: str) -> None:
        self._client = client
        self._bot = bot
        self._messages = ReadMessages()

    async def find(
        self,
        type_: str,
        *,
        created_after: datetime | None = None,
        where: JsonObject | None = None,
        joined: bool = False,
        without: str = "",
    ) -> Sequence[ChannelRef]:
        """Return all channels of a type, newest first. Pages by time: an offset is allowed up to 1,000 only."""
        conditions = {**self._conditions(where or {}, joined=joined), "type": type_}
        found: dict[ChannelRef, None] = {}
        bounds: dict[str, str] = {"$gt": created_after.isoformat()} if created_after else {}
        oldest, at_oldest = "", 0
        while True:
            page = await self._page(conditions, bounds, offset=at_oldest)
            for channel in page:
                created = str(channel.get("created_at", ""))
                if is_before(created, created_after):
                    return list(found)
                ref = read_cid(channel)
                if ref is not None and not channel.get(without):
                    found[ref] = None
                at_oldest = at_oldest + 1 if created == oldest else 1
                oldest = created
            if len(page) < CHANNELS_A_PAGE:
                return list(found)
            bounds = {"$lte": oldest}

    async def fitting(self, channels: Sequence[ChannelRef], *, where: JsonObject, joined: bool) -> Sequence[ChannelRef]:
        """Return those of these channels whose fields have these values; with `joined`, those that the bot is in."""
        found: set[ChannelRef] = set()
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            among = {"cid": {"$in": [str(channel) for channel in chunk]}}
            page = await self._page({**self._conditions(where, joined=joined), **among}, {}, offset=0)
            found.update(ref for channel in page if (ref := read_cid(channel)) is not None)
        return [channel for channel in channels if channel in found]

    def _conditions(self, where: JsonObject, *, joined: bool) -> dict[str, Json]:
        return {**where, **({"members": {"$in": [self._bot]}} if joined else {})}

    async def _page(self, conditions: dict[str, Json], bounds: JsonObject, *, offset: int) -> list[JsonObject]:
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
        return [item["channel"] for item in objects(reply, "channels") if isinstance(item.get("channel"), Mapping)]

    async def create(self, channel: ChannelRef, *, custom: JsonObject | None = None) -> None:
        """Create a channel with the bot as its member, unless it exists."""
        if await self.state(channel, limit=0) is not None:
            return
        data = {**(custom or {}), "created_by_id": self._bot, "members": [self._bot]}
        await self._client.as_server(
            Endpoint.GET_CHANNEL,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id), data).query(state=False, watch=False),
        )

    async def state(self, channel: ChannelRef, *, limit: int) -> ChannelState | None:
        """Return a channel with its newest messages, or None if it does not exist."""
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels(
                {"cid": str(channel)}, limit=1, state=limit > 0, message_limit=max(1, limit)
            ),
        )
        item = next(iter(objects(reply, "channels")), None)
        return read_channel(item, self._bot) if item is not None else None

    async def look(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """Return those of these channels that exist, with their newest messages."""
        found: dict[ChannelRef, ChannelState] = {}
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            for item in await self._states(chunk, min(limit, MOST_MESSAGES)):
                state = read_channel(item, self._bot)
                found[state.channel] = state
        return [found[channel] for channel in channels if channel in found]

    async def _states(self, channels: Sequence[ChannelRef], limit: int) -> list[JsonObject]:
        conditions = {"cid": {"$in": [str(channel) for channel in channels]}}
        # Named, the bot's own membership comes along, however many members there are.
        page: dict[str, Json] = {"limit": CHANNELS_A_PAGE, "message_limit": limit, "state": True, "user_id": self._bot}
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS, lambda sdk: sdk.query_channels(conditions, **page)
        )
        return objects(reply, "channels")

    async def info(self, channel: ChannelRef) -> ChannelInfo:
        """Return a channel's name and fields."""
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels({"cid": str(channel)}, limit=1, state=False),
        )
        return read_info(only(reply, channel).get("channel"))

    async def view(self, channel: ChannelRef, *, limit: int) -> ChannelPage:
        """Return a channel's fields and newest messages. One member is asked for, as nobody reads them here."""
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels(
                {"cid": str(channel)}, limit=1, state=True, message_limit=limit, member_limit=1
            ),
        )
        item = only(reply, channel)
        return ChannelPage(read_info(item.get("channel")), self._messages.of(item))

    async def update(self, channel: ChannelRef, *, to_set: JsonObject | None = None, unset: Iterable[str] = ()) -> None:
        """Set some custom fields of a channel, and remove some."""
        changes, gone = dict(to_set or {}), list(unset)
        await self._client.as_server(
            Endpoint.UPDATE_CHANNEL,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).update_partial(changes, gone),
        )


def is_before(created: str, limit: datetime | None) -> bool:
    """Return whether a time on the wire is at or before a limit; False without either."""
    at = read_time(created)
    return limit is not None and at is not None and at <= limit
