"""Read receipts: people see that the bot has seen their message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.turn import Turn
from framework.runtime.reply.place import place_of
from framework.stream.port import ChatService
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def marking_read(service: ChatService, timing: Timing, turn: Turn, *, after: float) -> AsyncIterator[None]:
    """Mark the channel or thread as read, unless the turn posts something there within so many seconds.

    The author of a message has read what stands before it: the service and its clients take it so. A reply that comes
    at once therefore needs no call. A turn that posts nothing marks at its end.
    """
    mark = _Mark(service, turn)
    marking = asyncio.create_task(mark.late(timing, after))
    try:
        yield
        if mark.is_begun:
            await marking
        else:
            await mark.make()
    finally:
        marking.cancel()


class _Mark:
    """The read mark of one turn. A mark that cannot be made is no reason to fail a turn."""

    def __init__(self, service: ChatService, turn: Turn) -> None:
        self._service = service
        self._turn = turn
        self.is_begun = False

    async def late(self, timing: Timing, seconds: float) -> None:
        await timing.sleep(seconds)
        if not (self._turn.reply.opened and self._stands_beside):  # a post is under way
            await self.make()

    @property
    def _stands_beside(self) -> bool:
        """Whether the reply stands where its question does."""
        return place_of(self._turn).parent_id == self._turn.trigger.parent_id

    async def make(self) -> None:
        turn, thread = self._turn, self._turn.trigger.parent_id
        if turn.reply.posted and self._stands_beside:
            return
        self.is_begun = True
        try:
            await self._service.mark_read(turn.channel, parent_id=thread)
        except ChatServiceError as error:
            _log.warning("read_receipt.failed", error=error.what)
