"""Reading ahead: what nearly every turn asks for is asked for at its start, by as few calls as can be."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from framework.errors import ChatServiceError
from framework.runtime.core.message_context import MessageContexts
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Outcome, Page, Turn
from framework.runtime.decide.active_turns import ActiveTurns
from framework.runtime.decide.context import size_of
from framework.runtime.reply.place import place_of

_LATER = 10
"""Messages read beyond the context: those that came since the question, a reply of ours among them."""
_MOST = 300


class Prefetch:
    """A stage, the first one. Saves a turn round trips before its first word.

    For a message in a channel one call says what the channel is, whether the message is still there and was answered,
    and what was said before it. What stands in threads is read by whoever needs it, as is what could not be read here.
    """

    def __init__(self, situations: MessageContexts, live: ActiveTurns) -> None:
        self._situations = situations
        self._live = live

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        if turn.origin == "command" or turn.cause.decided:  # nothing that depends on the channel is looked at
            return await call_next(turn)
        if turn.definition.handover.enabled:
            self._situations.look_anew(turn.channel)  # what the turn before this one did to a handover must be seen
        if turn.cause.made_up or turn.trigger.parent_id is not None or place_of(turn).parent_id is not None:
            return await self._beside(turn, call_next)
        with self._live.attending(turn.trigger.id):
            return await call_next(replace(turn, page=await self._page(turn)))

    async def _page(self, turn: Turn) -> Page | None:
        limit = min(_MOST, size_of(turn) + _LATER)
        try:
            messages = await self._situations.view(turn.channel, limit=limit)
        except ChatServiceError:  # whoever needs it asks again, and says what is wrong
            return None
        return Page(tuple(messages), whole=len(messages) < limit)

    async def _beside(self, turn: Turn, call_next: CallNext) -> Outcome:
        """What the channel is, beside what is asked first."""
        reading = asyncio.create_task(self._read(turn))
        try:
            return await call_next(turn)
        finally:
            reading.cancel()

    async def _read(self, turn: Turn) -> None:
        with suppress(ChatServiceError):
            await self._situations.info(turn.channel)
