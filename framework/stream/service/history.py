"""What was written: messages of channels and threads, and the reactions to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from framework.aio import together
from framework.errors import ChatServiceError
from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.failure import MISSING
from framework.stream.model import ChannelRef, Message, Reaction
from framework.stream.service.channels import StreamChannels, is_before
from framework.stream.service.queries import (
    IDS_A_PAGE,
    MOST_MESSAGES,
    REACTIONS_A_PAGE,
    THREADS_A_PAGE,
    chunks,
    no_channel,
    objects,
    path_part,
)
from framework.stream.wire import WireError, read_channel, read_cid, read_message, read_reaction
from framework.values import Json, JsonObject

MOST_REPLIES = 300


class StreamHistory:
    """Reads messages, with the app's own rights. Each call raises ChatServiceError."""

    def __init__(self, client: StreamClient, bot: str, channels: StreamChannels) -> None:
        self._client = client
        self._bot = bot
        self._channels = channels

    async def recent(self, channel: ChannelRef, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """Return the newest messages of a channel outside threads, oldest first, up to the message `until` if given."""
        if until is None:
            state = await self._channels.state(channel, limit=min(limit, MOST_MESSAGES))
            if state is None:
                raise no_channel(channel)
            return state.messages[-limit:]
        page = {"limit": min(limit, MOST_MESSAGES), "id_lte": until}
        try:
            reply = await self._client.as_server(
                Endpoint.GET_CHANNEL,
                lambda sdk: sdk.channel(channel.type, path_part(channel.id)).query(watch=False, messages=page),
            )
        except ChatServiceError as error:
            return _nothing_at(error)
        return read_channel(reply, self._bot).messages

    async def thread(self, parent_id: str, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """Return a thread's parent and its newest replies, oldest first, up to the reply `until` if given."""
        parent = await self.message(parent_id)
        if parent is None:
            return ()
        options: dict[str, Json] = {"limit": min(limit, MOST_REPLIES), **({"id_lte": until} if until else {})}
        try:
            reply = await self._client.as_server(
                Endpoint.GET_REPLIES,
                lambda sdk: sdk.channel(parent.channel.type, path_part(parent.channel.id)).get_replies(
                    path_part(parent_id), **options
                ),
            )
        except ChatServiceError as error:
            if until is None:
                raise
            return [parent, *_nothing_at(error)]
        replies = (read_message(item, parent.channel) for item in reply.get("messages") or ())
        return [parent, *sorted(replies, key=lambda message: message.created_at)[-limit:]]

    async def threads(self, *, since: datetime) -> list[Message]:
        """Return the parents of the bot's threads that had a reply since this time, the latest thread first."""
        found: dict[str, Message] = {}
        options: dict[str, Json] = {"user_id": self._bot, "limit": THREADS_A_PAGE, "reply_limit": 1}
        while True:
            reply = await self._page_of_threads(options)
            for item in objects(reply, "threads"):
                if is_before(str(item.get("last_message_at", "")), since):
                    return list(found.values())
                with suppress(WireError):  # the thread of a message that is gone
                    parent = read_message(item.get("parent_message"), read_cid({"cid": item.get("channel_cid")}))
                    found[parent.id] = parent
            if not reply.get("next"):
                return list(found.values())
            options["next"] = reply["next"]

    async def _page_of_threads(self, options: JsonObject) -> JsonObject:
        latest = [{"field": "last_message_at", "direction": -1}]
        return await self._client.as_server(
            Endpoint.QUERY_THREADS, lambda sdk: sdk.query_threads({}, latest, **dict(options))
        )

    async def messages(self, channel: ChannelRef, ids: Sequence[str]) -> Mapping[str, Message]:
        """Return those of these messages of a channel that exist, by id."""
        found: dict[str, Message] = {}
        for chunk in chunks(dict.fromkeys(ids), IDS_A_PAGE):
            for message in await self._messages(channel, chunk):
                found[message.id] = message
        return found

    async def _messages(self, channel: ChannelRef, ids: Sequence[str]) -> list[Message]:
        try:
            reply = await self._client.as_server(
                Endpoint.GET_MESSAGES,
                lambda sdk: sdk.channel(channel.type, path_part(channel.id)).get_messages(list(ids)),
            )
        except ChatServiceError as error:
            if error.status != 404:
                raise
            # The channel is gone, or one of the messages is enough to be refused.
            one_by_one = await together(*(self.message(id_) for id_ in ids))
            return [message for message in one_by_one if message is not None and message.channel == channel]
        return [read_message(item, channel) for item in reply.get("messages") or ()]

    async def message(self, message_id: str) -> Message | None:
        """Return a message, a soft-deleted one too, or None if it does not exist."""
        try:
            reply = await self._client.as_server(
                Endpoint.GET_MESSAGE, lambda sdk: sdk.get_message(path_part(message_id), show_deleted_message=True)
            )
        except ChatServiceError as error:
            if error.status == 404 or error.code == MISSING:
                return None
            raise
        return read_message(reply.get("message"))

    async def reactions(self, message_id: str) -> Sequence[Reaction]:
        """Return who reacted how to a message, the latest first."""
        found: list[Reaction] = []
        offset = 0
        while True:
            page = await self._reactions(message_id, offset)
            found += [reaction for item in page if (reaction := read_reaction(item)) is not None]
            offset += len(page)
            if len(page) < REACTIONS_A_PAGE:
                return found

    async def _reactions(self, message_id: str, offset: int) -> list[JsonObject]:
        reply = await self._client.as_server(
            Endpoint.GET_REACTIONS,
            lambda sdk: sdk.channel("messaging", "any").get_reactions(
                path_part(message_id), limit=REACTIONS_A_PAGE, offset=offset
            ),
        )
        return list(reply.get("reactions") or ())


def _nothing_at(error: ChatServiceError) -> Sequence[Message]:
    """Return an empty page: one up to a message that does not exist is refused. Raise any other error."""
    if error.status not in {400, 404}:
        raise error
    return ()
