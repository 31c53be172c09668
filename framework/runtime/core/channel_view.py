"""What one turn reads of its channel: each thing is read once, when the first part of the pipeline asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from framework.runtime.core.message_context import MessageContexts
from framework.runtime.core.turn import Turn
from framework.stream.model import ChannelInfo, Message


class ChannelView:
    """One turn's view of its channel. Every call raises ChatServiceError."""

    def __init__(self, turn: Turn, contexts: MessageContexts) -> None:
        self._turn = turn
        self._contexts = contexts
        self._history: Sequence[Message] | None = None

    async def info(self) -> ChannelInfo:
        """Return the channel's name, custom fields and count of members. It may be two seconds old."""
        return await self._contexts.info(self._turn.channel)

    async def history(self) -> Sequence[Message]:
        """Return the newest messages of the channel, or of the thread in which the message stands, oldest first.

        They reach back beyond the message that started the turn, and hold it, unless it was deleted. In a thread the
        first one is the message that it hangs from.
        """
        if self._history is None:
            self._history = await self._contexts.talk(self._turn.trigger)
        return self._history
