"""The one driver of an answer: observers see the agent's events, a sink shows and delivers them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Protocol

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished, ToolFinished
from framework.engine.port import FencedError
from framework.errors import ChatServiceError, EngineError
from framework.runtime.core.outcome import HandOver, Outcome, Silent
from framework.runtime.core.rule import Observer
from framework.runtime.core.turn import Turn
from framework.runtime.reply.buffer import AnswerBuffer
from framework.runtime.reply.writer import AlreadyAnsweredError

_log = structlog.get_logger(__name__)

Show = Callable[[AnswerBuffer], Awaitable[None]]
"""Shows what there is of an answer until it is complete."""
Rescue = Callable[[Turn, Exception], Awaitable[Finished | None]]
"""Called with what the agent raised. Returns what is said instead; None: nothing, so that the turn fails."""
OURS = (FencedError, EngineError, ChatServiceError)
"""Errors of a step that could not be kept or done: no failure of the agent's."""


@dataclass(frozen=True)
class HandedOver(Finished):
    """The last event of an answer that became a handover. `facts` go into the reply's custom fields."""

    why: HandOver = field(kw_only=True)
    facts: Mapping[str, Any] = field(kw_only=True)


class Sink(Protocol):
    """Where an answer goes: into the channel, or to the team first."""

    def showing(self, turn: Turn) -> AbstractAsyncContextManager[Show]:
        """Enter before the agent is asked, and leave when the answer is delivered. The result shows it meanwhile."""

    async def deliver(self, turn: Turn, finished: Finished) -> Outcome:
        """Make the complete answer last."""

    async def fail(self, turn: Turn, error: Exception) -> Outcome:
        """The agent came to no answer."""


async def drive(turn: Turn, events: AsyncIterator[AgentEvent], sink: Sink, *, seconds: float) -> Outcome:
    """Read what the agent says, for at most so many seconds, and return what the sink makes of it.

    Raises ChatServiceError, EngineError and FencedError.
    """
    buffer = AnswerBuffer()
    try:
        async with sink.showing(turn) as show:
            async with buffer.reading(events, seconds=seconds):
                await show(buffer)
                if not buffer.ended:
                    await buffer.wait_ended(seconds + 1)
            made = buffer.result()
            if isinstance(made, Finished):
                turn.trace.answer = made.answer
                _log_answer(made.answer)
                return await sink.deliver(turn, made)
            if isinstance(made, OURS):
                raise made
            return await sink.fail(turn, made)
    except AlreadyAnsweredError as error:
        return Silent(error.what, message_id=turn.reply_id)


async def observed(
    turn: Turn, events: AsyncIterator[AgentEvent], observers: Sequence[Observer], rescue: Rescue | None = None
) -> AsyncIterator[AgentEvent]:
    """The events of an agent as the observers, one after the other, hand them on."""
    is_finished = False
    try:
        async for event in events:
            for observer in observers:
                event = await observer(turn, event)  # noqa: PLW2901 - each one gets what the one before made of it
            is_finished |= isinstance(event, HandedOver)
            if isinstance(event, ToolFinished):
                turn.trace.tools.append((event.name, event.ok))
            yield event
    except OURS:
        raise
    except Exception as error:
        instead = await rescue(turn, error) if rescue is not None and not is_finished else None
        if instead is None:
            raise
        yield instead


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
        sources=list(dict.fromkeys(PurePath(source.file).name for source in answer.sources)) or None,
    )
