"""A stage that makes an answer fit to be posted, before it is split into messages and shown to anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent, Finished
from framework.outbound import Screen
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Outcome, Turn
from framework.stream.model import ChannelRef

_log = structlog.get_logger(__name__)

ScreenAt = Callable[[ChannelRef | None], Screen]


class Outgoing:
    """The final text is looked at here; what is shown before it, and all else that a bot posts, by its chat service."""

    def __init__(self, screen_at: ScreenAt) -> None:
        self._screen_at = screen_at

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        if turn.events is None:
            return await call_next(turn)
        return await call_next(replace(turn, events=_screened(turn.events, self._screen_at(turn.channel))))


async def _screened(events: AsyncIterator[AgentEvent], screen: Screen) -> AsyncIterator[AgentEvent]:
    async for event in events:
        if isinstance(event, Finished):
            text = screen(event.answer.text)
            if text != event.answer.text:
                _log.info("answer.screened", characters=len(event.answer.text), left=len(text))
            yield Finished(replace(event.answer, text=text))
        else:
            yield event
