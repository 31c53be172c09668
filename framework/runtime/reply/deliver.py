"""The stage that streams the answer into the channel and makes it last."""

from __future__ import annotations

from dataclasses import replace

import structlog

from framework.agent.conversation import Answer
from framework.engine.port import FencedError
from framework.errors import ChatServiceError, EngineError, FrameworkError, ModelError
from framework.runtime.core.bot import Limits
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Failed, Outcome, Silent, Turn
from framework.runtime.reply.writer import AlreadyAnsweredError, ReplyWriter
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)


class Deliver:
    """A stage. Whatever the agent does, the channel gets a complete message: its answer, or an apology."""

    def __init__(self, writer: ReplyWriter, limits: Limits, timing: Timing) -> None:
        self._writer = writer
        self._limits = limits
        self._timing = timing

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Failed if the agent failed; else the outcome of the stages that follow. Raises ChatServiceError."""
        try:
            async with self._writer.indicating(turn) as indicator:
                made = await self._writer.stream(turn, indicator)
                if isinstance(made, FencedError | EngineError | ChatServiceError):
                    raise made  # a step could not be kept or done: no failure of the agent's
                if isinstance(made, Exception):
                    return self._wait(turn, made) or await self.apologise(turn, made)
                _log_answer(made)
                await self._writer.settle(turn, made)
        except AlreadyAnsweredError as error:
            return Silent(error.what, message_id=turn.reply_id)
        return await call_next(replace(turn, answer=made))

    def _wait(self, turn: Turn, error: Exception) -> Failed | None:
        """A model that is down may be back in a moment: until then people see that the bot is at it."""
        patient = turn.execution is not None and isinstance(error, ModelError) and error.retryable
        asked = (self._timing.now() - turn.received_at).total_seconds()
        if not patient or asked >= self._limits.model_patience:
            return None
        _log.warning("turn.waits_for_model", error=str(error))
        return Failed(str(error))

    async def apologise(self, turn: Turn, error: Exception) -> Outcome:
        """Tell the operator what went wrong, and the channel that something did. Raises ChatServiceError."""
        if isinstance(error, FrameworkError):
            _log.error("turn.failed", error=str(error))
        else:
            _log.error("turn.failed", exc_info=error)
        apology = Answer(text=turn.definition.phrases.apology, outcome="refused")
        await self._writer.settle(turn, apology, {"outcome": "failed"})
        return Failed(str(error) or type(error).__name__, told=True)


def _log_answer(answer: Answer) -> None:
    first = answer.first_token_seconds
    _log.info(
        "turn.answered",
        outcome=answer.outcome,
        model=answer.model,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        first_token=None if first is None else round(first, 3),
        seconds=round(answer.seconds, 3),
        tools=list(answer.tools) or None,
    )
