"""The sink that streams an answer into the channel and makes it last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from framework.agent.conversation import Answer, Finished
from framework.errors import FrameworkError, ModelError
from framework.runtime.core.bot import Limits
from framework.runtime.core.outcome import Failed, HandedOff, Outcome, Replied
from framework.runtime.core.turn import Turn
from framework.runtime.reply.drive import HandedOver, Show
from framework.runtime.reply.writer import ReplyWriter
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)


class Deliver:
    """Whatever the agent does, the channel gets a complete message: its answer, or an apology.

    Every call raises ChatServiceError.
    """

    def __init__(self, writer: ReplyWriter, limits: Limits, timing: Timing) -> None:
        self._writer = writer
        self._limits = limits
        self._timing = timing

    @asynccontextmanager
    async def showing(self, turn: Turn) -> AsyncIterator[Show]:
        """See `Sink.showing`."""
        async with self._writer.indicating(turn) as indicator:
            yield partial(self._writer.show, turn, indicator)

    async def deliver(self, turn: Turn, finished: Finished) -> Outcome:
        """See `Sink.deliver`."""
        answer = finished.answer
        facts = finished.facts if isinstance(finished, HandedOver) else None
        await self._writer.finalize(turn, answer, facts)
        seconds = (self._timing.now() - turn.received_at).total_seconds()
        _log.info("turn.posted", seconds=round(seconds, 3), characters=len(answer.text), parts=turn.reply.parts)
        if isinstance(finished, HandedOver):
            return HandedOff(finished.why.reason, finished.why.kind)
        return Replied(turn.reply_id, answer, parts=turn.reply.parts)

    async def fail(self, turn: Turn, error: Exception) -> Outcome:
        """See `Sink.fail`. A model that is down may be back in a moment: until then the turn waits for it."""
        patient = turn.execution is not None and isinstance(error, ModelError) and error.retryable
        asked = (self._timing.now() - turn.received_at).total_seconds()
        if not patient or asked >= self._limits.model_patience:
            return await self.apologise(turn, error)
        _log.warning("turn.waits_for_model", error=str(error))
        return Failed(str(error))

    async def apologise(self, turn: Turn, error: Exception) -> Outcome:
        """Tell the operator what went wrong, and the channel that something did."""
        if isinstance(error, FrameworkError):
            _log.error("turn.failed", error=str(error))
        else:
            _log.error("turn.failed", exc_info=error)
        apology = Answer(text=turn.phrases.apology, outcome="refused")
        await self._writer.finalize(turn, apology, {"outcome": "failed"})
        return Failed(str(error) or type(error).__name__, told=True)
