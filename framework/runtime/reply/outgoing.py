"""The observer that makes an answer fit to be posted, before it is split into messages and shown to anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent, Finished
from framework.outbound import Screen
from framework.runtime.core.turn import Turn
from framework.stream.model import ChannelRef

_log = structlog.get_logger(__name__)

ScreenAt = Callable[[ChannelRef | None], Screen]


class Outgoing:
    """The final text is looked at here; what is shown before it, and all else that a bot posts, by its chat service."""

    def __init__(self, screen_at: ScreenAt) -> None:
        self._screen_at = screen_at

    async def __call__(self, turn: Turn, event: AgentEvent) -> AgentEvent:
        """See `Observer`."""
        if not isinstance(event, Finished):
            return event
        text = self._screen_at(turn.channel)(event.answer.text)
        if text == event.answer.text:
            return event
        _log.info("answer.screened", characters=len(event.answer.text), left=len(text))
        return replace(event, answer=replace(event.answer, text=text))
