"""Read receipts: people see that the bot has seen their message."""

from __future__ import annotations

import asyncio

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Outcome, Turn
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)


class ReadReceipt:
    """A stage. Marks the channel or thread as read beside the stages that follow, so that it costs them no time."""

    def __init__(self, service: ChatService) -> None:
        self._service = service

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        marking = asyncio.create_task(self._mark(turn))
        try:
            outcome = await call_next(turn)
            await marking
        finally:
            marking.cancel()
        return outcome

    async def _mark(self, turn: Turn) -> None:
        try:
            await self._service.mark_read(turn.channel, parent_id=turn.trigger.parent_id)
        except ChatServiceError as error:
            _log.warning("read_receipt.failed", error=error.what)
