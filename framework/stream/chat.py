"""The chat service for real: Stream, or whatever speaks as Stream does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

import structlog

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.stream.administration import Administration, screened_card
from framework.stream.budget import Endpoint, Rank
from framework.stream.client import BRIEF, PATIENT, Json, StreamClient
from framework.stream.directory import CHANNELS_A_PAGE, Directory, chunks, path_part
from framework.stream.events import concerns, read_event
from framework.stream.failure import MISSING, NOT_ALLOWED, garbled
from framework.stream.ids import IdKey
from framework.stream.model import (
    AIState,
    ChannelRef,
    ChannelState,
    Connected,
    Disconnected,
    Event,
    Message,
    OutgoingMessage,
)
from framework.stream.port import Check, Outgoing, unchecked, unscreened
from framework.stream.sources.socket import EventSocket, Lost, Opened
from framework.stream.timing import Timing
from framework.stream.wire import read_channel, read_message, write_message

# What one query may ask for.
IDS_A_PAGE = 50
MOST_MESSAGES = 300
MOST_REPLIES = 300
IS_BOT = "is_bot"

_log = structlog.get_logger(__name__)


class Identity(Protocol):
    """The bot user: its id, and what people see of it."""

    @property
    def user_id(self) -> str:
        """Its id in the chat service."""

    @property
    def name(self) -> str:
        """The name that people see."""

    @property
    def image(self) -> str:
        """The address of its picture; empty for none."""


class StreamChatService(Administration):
    """`ChatService` on Stream, for one bot user.

    What a method means is said by the port. Reads and writes are made server-side in the bot's name, because a user
    token is good for 60 calls a minute only; the connection and watching on it belong to the user and are made with its
    token.
    """

    def __init__(self, client: StreamClient, identity: Identity, timing: Timing) -> None:
        self._client = client
        self._identity = identity
        self._bot = identity.user_id
        self._socket = EventSocket(lambda: client.session, client.base_url, client.credentials, timing)
        self._directory = Directory(client, self._bot)
        self._id_key = IdKey(client.credentials.secret)
        self._ephemeral = True
        self._outgoing: Outgoing = unscreened
        # Sketches whose turn has come, by message.
        self._reserved: dict[str, Endpoint] = {}
        # Writes to one message must arrive in the order in which they were made.
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def app(self) -> str:
        """See the port. A fingerprint of the app's key: where it answers may change (a sandbox that was moved)."""
        return hashlib.sha256(self._client.credentials.key.encode()).hexdigest()[:12]

    def screen_with(self, outgoing: Outgoing) -> None:
        """See the port."""
        self._outgoing = outgoing

    @property
    def id_key(self) -> IdKey:
        """See the port."""
        return self._id_key

    async def open(self) -> None:
        """See the port. What the service knows of the bot beyond its name, picture and nature is left alone."""
        wanted: dict[str, Any] = {"name": self._identity.name, IS_BOT: True}
        if self._identity.image:
            wanted["image"] = self._identity.image
        found = await self._client.as_server(
            Endpoint.QUERY_USERS, lambda sdk: sdk.query_users({"id": {"$in": [self._bot]}})
        )
        if "users" not in found:
            raise garbled(self._client.base_url, 200)
        known = next(iter(found["users"] or ()), None)
        if known is None:
            await self._client.as_server(
                Endpoint.UPDATE_USERS, lambda sdk: sdk.upsert_user({"id": self._bot, **wanted})
            )
            return
        changed = {name: value for name, value in wanted.items() if known.get(name) != value}
        if changed:
            await self._client.as_server(
                Endpoint.UPDATE_USERS, lambda sdk: sdk.update_user_partial({"id": self._bot, "set": changed})
            )

    async def close(self) -> None:
        """See the port."""
        await self._socket.close()
        await self._client.close()

    async def events(self) -> AsyncIterator[Event]:
        """See the port."""
        async for frame in self._socket.frames():
            if isinstance(frame, Opened):
                yield Connected(again=frame.again)
            elif isinstance(frame, Lost):
                yield Disconnected(frame.reason)
            elif (event := read_event(frame)) is not None and concerns(event, self._bot):
                yield event

    async def find_channels(
        self,
        type_: str,
        *,
        created_after: datetime | None = None,
        where: Mapping[str, Any] | None = None,
        joined: bool = False,
        without: str = "",
    ) -> Sequence[ChannelRef]:
        """See the port."""
        return await self._directory.find(type_, created_after, where or {}, joined=joined, without=without)

    async def fitting(
        self, channels: Sequence[ChannelRef], *, where: Mapping[str, Any], joined: bool
    ) -> Sequence[ChannelRef]:
        """See the port."""
        return await self._directory.fitting(channels, where, joined=joined)

    async def create_channel(self, channel: ChannelRef, *, custom: Mapping[str, Any] | None = None) -> None:
        """See the port."""
        await self._directory.create(channel, custom or {})

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        """See the port."""
        await self._directory.join(channels)

    async def watch(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """See the port. Raises a retryable ChatServiceError while there is no connection to watch on."""
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

    async def _watch(self, channels: Sequence[ChannelRef], limit: int, connection_id: str) -> list[Json]:
        conditions: dict[str, Any] = {"cid": {"$in": [str(channel) for channel in channels]}}
        try:
            return await self._query_watching(conditions, limit, connection_id)
        except ChatServiceError as error:
            if error.code != NOT_ALLOWED:
                raise
        # One channel closed to the bot is enough to be refused: ask for those only to which it surely has access.
        conditions["members"] = {"$in": [self._bot]}
        return await self._query_watching(conditions, limit, connection_id)

    async def _query_watching(self, conditions: Json, limit: int, connection_id: str) -> list[Json]:
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
        return [item for item in reply.get("channels") or () if isinstance(item, Mapping)]

    async def look(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """See the port."""
        found = await self._directory.states(channels, limit=min(limit, MOST_MESSAGES))
        return [found[channel] for channel in channels if channel in found]

    async def recent(self, channel: ChannelRef, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """See the port."""
        if until is None:
            state = await self._directory.state(channel, limit=min(limit, MOST_MESSAGES))
            if state is None:
                raise ChatServiceError(f"The channel {channel} does not exist.", code=MISSING, status=404)
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
        """See the port."""
        parent = await self._message(parent_id)
        if parent is None:
            return ()
        options: dict[str, Any] = {"limit": min(limit, MOST_REPLIES), **({"id_lte": until} if until else {})}
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

    async def threads(self, *, since: datetime) -> Sequence[Message]:
        """See the port."""
        return await self._directory.threads(since)

    async def messages(self, channel: ChannelRef, ids: Sequence[str]) -> Mapping[str, Message]:
        """See the port."""
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
            one_by_one = await asyncio.gather(*(self._message(id_) for id_ in ids))
            return [message for message in one_by_one if message is not None and message.channel == channel]
        return [read_message(item, channel) for item in reply.get("messages") or ()]

    async def _message(self, message_id: str) -> Message | None:
        try:
            reply = await self._client.as_server(
                Endpoint.GET_MESSAGE, lambda sdk: sdk.get_message(path_part(message_id), show_deleted_message=True)
            )
        except ChatServiceError as error:
            if error.status == 404 or error.code == MISSING:
                return None
            raise
        return read_message(reply.get("message"))

    async def send(
        self,
        channel: ChannelRef,
        message: OutgoingMessage,
        *,
        newest: Callable[[], str] | None = None,
        check: Check = unchecked,
    ) -> Message:
        """See the port. Repeated while nobody knows whether it arrived: the id makes that safe."""
        card = None if message.card is None else screened_card(message.card, self._outgoing, channel)
        body = {**write_message(replace(message, card=card)), "id": message.id}
        failures: list[ChatServiceError] = []
        texts: list[str] = []

        async def post(sdk: Any) -> Json:  # noqa: ANN401 - the SDK has no types
            text = newest() if newest is not None else message.text
            texts.append(self._outgoing(channel, text, newest is not None))
            place = sdk.channel(channel.type, path_part(channel.id))
            reply: Json = await place.send_message({**body, "text": texts[-1]}, self._bot, skip_enrich_url=True)
            return reply

        try:
            reply = await self._client.as_server(
                Endpoint.SEND_MESSAGE, post, patience=PATIENT, failures=failures, check=check
            )
        except DuplicateMessageError:
            # Ours, if an earlier try may have arrived, and it says what we said.
            stored = await self._message(message.id) if _uncertain(failures) else None
            if stored is None or stored.user.id != self._bot or stored.text not in texts:
                raise
            _log.info("stream.send_confirmed", message=message.id, channel=str(channel))
            return stored
        sent = read_message(reply.get("message"), channel)
        if sent.kind == "error":
            raise ChatServiceError(
                f"The chat service did not take the message: {sent.text[:300]}",
                status=201,
                hint="Moderation or a hook of the app rejected it; see the dashboard.",
            )
        return sent

    async def revise(
        self, message_id: str, *, text: str, generating: bool, custom: Mapping[str, Any], check: Check = unchecked
    ) -> None:
        """See the port."""
        changes = {**custom, "text": self._outgoing(None, text, generating), "generating": generating}
        self._reserved.pop(message_id, None)
        async with self._in_order(message_id):
            await self._client.as_server(
                Endpoint.UPDATE_MESSAGE,
                lambda sdk: sdk.update_message_partial(
                    path_part(message_id), {"set": changes}, self._bot, skip_enrich_url=True
                ),
                patience=PATIENT,
                check=check,
            )

    async def turn_to_sketch(self, message_id: str, *, first: bool) -> None:
        """See the port."""
        endpoint = Endpoint.EPHEMERAL_UPDATE if self._ephemeral else Endpoint.UPDATE_MESSAGE
        await self._client.reserve(endpoint, Rank.FIRST if first else Rank.REFRESH)
        self._reserved[message_id] = endpoint

    async def sketch(self, channel: ChannelRef, message_id: str, *, text: str) -> bool:
        """See the port. Where the service has no ephemeral updates, stored ones are made within the same budget."""
        reserved = self._reserved.pop(message_id, None)
        text = self._outgoing(channel, text, True)
        async with self._in_order(message_id):
            try:
                return await self._sketch(message_id, {"set": {"text": text, "generating": True}}, reserved)
            except ChatServiceError as error:
                _log.debug("stream.sketch_failed", channel=str(channel), message=message_id, error=error.what)
                return False

    async def _sketch(self, message_id: str, changes: Json, reserved: Endpoint | None) -> bool:
        body = {**changes, "user": {"id": self._bot}}
        if self._ephemeral:
            try:
                reply = await self._client.spare(
                    Endpoint.EPHEMERAL_UPDATE,
                    lambda sdk: sdk.patch(f"messages/{path_part(message_id)}/ephemeral", data=body),
                    reserved=reserved is Endpoint.EPHEMERAL_UPDATE,
                )
            except ChatServiceError as error:
                if error.status not in {400, 403, 404, 405}:
                    raise
                if reserved is Endpoint.EPHEMERAL_UPDATE:
                    # It had its turn; many who have theirs with it must not all go without.
                    await self._client.reserve(Endpoint.UPDATE_MESSAGE, Rank.FIRST)
                    reserved = Endpoint.UPDATE_MESSAGE
            else:
                return reply is not None
        reply = await self._client.spare(
            Endpoint.UPDATE_MESSAGE,
            lambda sdk: sdk.update_message_partial(
                path_part(message_id), dict(changes), self._bot, skip_enrich_url=True
            ),
            reserved=reserved is Endpoint.UPDATE_MESSAGE,
        )
        if reply is not None and self._ephemeral:
            # A stored update of the same message passes: it was the endpoint that was refused, not the message.
            self._ephemeral = False
            _log.info("stream.no_ephemeral_updates", instead="partial updates")
        return reply is not None

    async def delete(self, message_id: str, *, check: Check = unchecked) -> None:
        """See the port. That it is gone already is what a lost answer of an earlier try looks like."""
        self._reserved.pop(message_id, None)
        async with self._in_order(message_id):
            try:
                await self._client.as_server(
                    Endpoint.DELETE_MESSAGE,
                    lambda sdk: sdk.delete_message(path_part(message_id), hard=True),
                    patience=PATIENT,
                    check=check,
                )
            except ChatServiceError as error:
                if error.status != 404 and error.code != MISSING:
                    raise

    async def indicate(self, channel: ChannelRef, message_id: str, state: AIState | None) -> None:
        """See the port."""
        event = {"type": "ai_indicator.clear" if state is None else "ai_indicator.update", "message_id": message_id}
        if state is not None:
            event["ai_state"] = f"AI_STATE_{state.upper()}"
        await self._announce(channel, event)

    async def typing(self, channel: ChannelRef, *, parent_id: str | None, on: bool) -> None:
        """See the port."""
        event = {"type": "typing.start" if on else "typing.stop"}
        await self._announce(channel, {**event, **({"parent_id": parent_id} if parent_id else {})})

    async def _announce(self, channel: ChannelRef, event: dict[str, str]) -> None:
        """What is of use now or never is tried once."""
        await self._client.as_server(
            Endpoint.SEND_EVENT,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).send_event(dict(event), self._bot),
            patience=BRIEF,
        )

    async def mark_read(self, channel: ChannelRef, *, parent_id: str | None = None) -> None:
        """See the port."""
        thread = {"thread_id": parent_id} if parent_id else {}
        await self._client.as_server(
            Endpoint.MARK_READ,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).mark_read(self._bot, **thread),
        )

    def _in_order(self, message_id: str) -> asyncio.Lock:
        return self._order.setdefault(message_id, asyncio.Lock())


def _uncertain(failures: Sequence[ChatServiceError]) -> bool:
    """Whether an earlier try may have taken effect: it got no answer, or one that says nothing of it."""
    return any(error.status is None or error.status >= 500 for error in failures)


def _nothing_at(error: ChatServiceError) -> Sequence[Message]:
    """A page up to a message that does not exist is refused: it is empty. Raises any other error."""
    if error.status not in {400, 404}:
        raise error
    return ()


def _no_connection() -> ChatServiceError:
    return ChatServiceError(
        "There is no event connection to watch channels on.",
        retryable=True,
        hint="Watch again when the connection is back.",
    )
