"""Writing messages as the bot, and changing them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from weakref import WeakValueDictionary

import structlog

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.net.limits import Rank
from framework.stream.budget import Endpoint
from framework.stream.client import PATIENT, StreamClient
from framework.stream.failure import MISSING
from framework.stream.model import ChannelRef, Message, MessageCard, OutgoingMessage
from framework.stream.port import Check, Outgoing, unchecked, unscreened
from framework.stream.service.history import StreamHistory
from framework.stream.service.queries import path_part
from framework.stream.wire import read_message, write_card, write_message
from framework.values import JsonObject, Untyped

_log = structlog.get_logger(__name__)


class StreamMessages:
    """Writes messages in the bot's name, with the app's own rights. Each call raises ChatServiceError."""

    def __init__(self, client: StreamClient, bot: str, history: StreamHistory) -> None:
        self._client = client
        self._bot = bot
        self._history = history
        self._outgoing: Outgoing = unscreened
        self._ephemeral = True
        # Unfinished texts whose turn to be shown has come, by message.
        self._reserved: dict[str, Endpoint] = {}
        # Writes to one message must arrive in the order in which they were made.
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def screen_with(self, outgoing: Outgoing) -> None:
        """Have every text looked at by this before it is written."""
        self._outgoing = outgoing

    async def send(
        self,
        channel: ChannelRef,
        message: OutgoingMessage,
        *,
        newest: Callable[[], str] | None = None,
        check: Check = unchecked,
    ) -> Message:
        """Post a message. It is repeated while nobody knows whether it arrived: the id makes that safe."""
        card = None if message.card is None else self._screened(message.card, channel)
        body = {**write_message(replace(message, card=card)), "id": message.id}
        options = {"skip_enrich_url": True, **({"skip_push": True} if message.skip_push else {})}
        failures: list[ChatServiceError] = []
        texts: list[str] = []

        async def post(sdk: Untyped) -> JsonObject:
            text = newest() if newest is not None else message.text
            texts.append(self._outgoing(channel, text, newest is not None))
            place = sdk.channel(channel.type, path_part(channel.id))
            reply: JsonObject = await place.send_message({**body, "text": texts[-1]}, self._bot, **options)
            return reply

        try:
            reply = await self._client.as_server(
                Endpoint.SEND_MESSAGE, post, patience=PATIENT, failures=failures, check=check
            )
        except DuplicateMessageError:
            # Ours, if an earlier try may have arrived, and it says what we said.
            stored = await self._history.message(message.id) if _uncertain(failures) else None
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

    async def update_message(
        self,
        message_id: str,
        *,
        text: str,
        generating: bool,
        custom: JsonObject,
        check: Check = unchecked,
        channel: ChannelRef | None = None,
    ) -> None:
        """Store a text and custom fields."""
        changes = {**custom, "text": self._outgoing(channel, text, generating), "generating": generating}
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

    async def turn_to_stream(self, message_id: str, *, first: bool) -> None:
        """Wait for a call out of the budget that all unfinished texts share."""
        endpoint = Endpoint.EPHEMERAL_UPDATE if self._ephemeral else Endpoint.UPDATE_MESSAGE
        await self._client.reserve(endpoint, Rank.FIRST if first else Rank.REFRESH)
        self._reserved[message_id] = endpoint

    async def stream_update(self, channel: ChannelRef, message_id: str, *, text: str) -> bool:
        """Show an unfinished text. If the service has no ephemeral updates, it is stored, within the same budget."""
        reserved = self._reserved.pop(message_id, None)
        text = self._outgoing(channel, text, True)
        async with self._in_order(message_id):
            try:
                return await self._stream_update(message_id, {"set": {"text": text, "generating": True}}, reserved)
            except ChatServiceError as error:
                _log.debug("stream.sketch_failed", channel=str(channel), message=message_id, error=error.what)
                return False

    async def _stream_update(self, message_id: str, changes: JsonObject, reserved: Endpoint | None) -> bool:
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
        """Delete for good. A message that is gone may have been deleted by an earlier try whose answer was lost."""
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

    async def amend(
        self,
        message_id: str,
        *,
        text: str | None = None,
        custom: JsonObject | None = None,
        card: MessageCard | None = None,
        channel: ChannelRef | None = None,
    ) -> str:
        """Change what is given of a message, and leave the rest. Returns the text as the service keeps it."""
        changes = dict(custom or {})
        if text is not None:
            changes["text"] = self._outgoing(channel, text, False)
        if card is not None:
            changes["attachments"] = [write_card(self._screened(card, channel))]
        answer = await self._client.as_server(
            Endpoint.UPDATE_MESSAGE,
            lambda sdk: sdk.update_message_partial(
                path_part(message_id), {"set": changes}, self._bot, skip_enrich_url=True
            ),
        )
        return str(answer["message"].get("text") or "")

    def _screened(self, card: MessageCard, channel: ChannelRef | None = None) -> MessageCard:
        return replace(
            card, title=self._outgoing(channel, card.title, False), text=self._outgoing(channel, card.text, False)
        )

    def _in_order(self, message_id: str) -> asyncio.Lock:
        return self._order.setdefault(message_id, asyncio.Lock())


def _uncertain(failures: Sequence[ChatServiceError]) -> bool:
    """Return whether an earlier try may have taken effect: no answer came, or one that says nothing of it."""
    return any(error.status is None or error.status >= 500 for error in failures)
