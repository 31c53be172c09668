"""Watching channels on the live connection."""

from __future__ import annotations

from collections.abc import Sequence

from framework.errors import ChatServiceError
from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.failure import NOT_ALLOWED
from framework.stream.model import ChannelRef, ChannelState
from framework.stream.service.queries import CHANNELS_A_PAGE, MOST_MESSAGES, chunks, objects
from framework.stream.sources.socket import EventSocket
from framework.stream.wire import read_channel
from framework.values import Json, JsonObject


class StreamWatching:
    """Watches channels. It belongs to the bot user and is done with its token, unlike all other calls."""

    def __init__(self, client: StreamClient, bot: str, socket: EventSocket) -> None:
        self._client = client
        self._bot = bot
        self._socket = socket

    async def watch(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """Watch channels, and return those that the bot may see with their newest messages.

        Raises a retryable ChatServiceError while there is no connection, and if it is lost meanwhile.
        """
        connection_id = self._socket.connection_id
        if connection_id is None:
            raise _no_connection()
        states: dict[ChannelRef, ChannelState] = {}
        for chunk in chunks(channels, CHANNELS_A_PAGE):
            for item in await self._watch(chunk, limit, connection_id):
                state = read_channel(item, self._bot)
                states[state.channel] = state
            if self._socket.connection_id != connection_id:
                raise _no_connection()
        return [states[channel] for channel in channels if channel in states]

    async def _watch(self, channels: Sequence[ChannelRef], limit: int, connection_id: str) -> list[JsonObject]:
        conditions: dict[str, Json] = {"cid": {"$in": [str(channel) for channel in channels]}}
        try:
            return await self._query(conditions, limit, connection_id)
        except ChatServiceError as error:
            if error.code != NOT_ALLOWED:
                raise
        # One channel closed to the bot is enough to be refused: ask for those only to which it surely has access.
        conditions["members"] = {"$in": [self._bot]}
        return await self._query(conditions, limit, connection_id)

    async def _query(self, conditions: JsonObject, limit: int, connection_id: str) -> list[JsonObject]:
        body = {
            "filter_conditions": conditions,
            "sort": [],
            "state": True,
            "watch": True,
            "presence": False,
            "limit": CHANNELS_A_PAGE,
            "message_limit": min(limit, MOST_MESSAGES),
        }
        reply = await self._client.as_user(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.post("channels", params={"connection_id": connection_id}, data=body),
        )
        return objects(reply, "channels")


def _no_connection() -> ChatServiceError:
    return ChatServiceError(
        "There is no event connection to watch channels on.",
        retryable=True,
        hint="Watch again when the connection is back.",
    )
