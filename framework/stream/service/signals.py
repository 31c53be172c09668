"""What a bot shows beside messages: its state, that it types, what it has read, reactions."""

from __future__ import annotations

from framework.stream.budget import Endpoint
from framework.stream.client import BRIEF, StreamClient
from framework.stream.model import AIState, ChannelRef
from framework.stream.service.queries import path_part


class StreamSignals:
    """Sends signals in the bot's name, with the app's own rights. Each call raises ChatServiceError."""

    def __init__(self, client: StreamClient, bot: str) -> None:
        self._client = client
        self._bot = bot

    async def indicate(self, channel: ChannelRef, message_id: str, state: AIState | None) -> None:
        """Show what the bot is doing for a message; None clears it."""
        event = {"type": "ai_indicator.clear" if state is None else "ai_indicator.update", "message_id": message_id}
        if state is not None:
            event["ai_state"] = f"AI_STATE_{state.upper()}"
        await self._announce(channel, event)

    async def typing(self, channel: ChannelRef, *, parent_id: str | None, on: bool) -> None:
        """Show or hide that the bot is typing."""
        event = {"type": "typing.start" if on else "typing.stop"}
        await self._announce(channel, {**event, **({"parent_id": parent_id} if parent_id else {})})

    async def _announce(self, channel: ChannelRef, event: dict[str, str]) -> None:
        """Send an event once: it is of use now or never."""
        await self._client.as_server(
            Endpoint.SEND_EVENT,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).send_event(dict(event), self._bot),
            patience=BRIEF,
        )

    async def mark_read(self, channel: ChannelRef, *, parent_id: str | None = None) -> None:
        """Mark a channel, or a thread, as read."""
        thread = {"thread_id": parent_id} if parent_id else {}
        await self._client.as_server(
            Endpoint.MARK_READ,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).mark_read(self._bot, **thread),
        )

    async def react(self, message_id: str, kind: str) -> None:
        """React to a message."""
        await self._client.as_server(
            Endpoint.SEND_REACTION,
            lambda sdk: sdk.channel("messaging", "any").send_reaction(path_part(message_id), {"type": kind}, self._bot),
        )
