"""Reading ahead: what nearly every turn asks for is asked for at its start, beside what is asked first."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from framework.errors import ChatServiceError
from framework.runtime.situation import Situations
from framework.runtime.stage import CallNext
from framework.runtime.turn import Outcome, Turn


class Foresight:
    """A stage, the first one. Saves a turn the time of a round trip before its first word."""

    def __init__(self, situations: Situations) -> None:
        self._situations = situations

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        if turn.origin == "command" or turn.cause.decided:  # nothing that depends on the channel is looked at
            return await call_next(turn)
        if turn.definition.handover.enabled:
            self._situations.look_anew(turn.channel)  # what the turn before this one did to a handover must be seen
        reading = asyncio.create_task(self._read(turn))
        try:
            return await call_next(turn)
        finally:
            reading.cancel()

    async def _read(self, turn: Turn) -> None:
        with suppress(ChatServiceError):  # whoever needs it asks again, and says what is wrong
            await self._situations.info(turn.channel)
