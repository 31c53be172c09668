"""The stages in which rules and observers that somebody added to a bot do their work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.message_context import MessageContexts
from framework.runtime.core.rule import HandOver, Say, Skip
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Outcome, Silent, Turn
from framework.runtime.decide.content import saying
from framework.runtime.handover.signs import Sign
from framework.runtime.handover.steps import HandoverSteps

_log = structlog.get_logger(__name__)


class ExtraRules:
    """A stage, after the bot's own triggers and conditions."""

    def __init__(self, bot: RunningBot, contexts: MessageContexts, handover: HandoverSteps) -> None:
        self._bot = bot
        self._contexts = contexts
        self._handover = handover

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Return what the first rule decides, or the outcome of the stages that follow."""
        if turn.origin == "command" or turn.cause.decided:
            return await call_next(turn)
        view = ChannelView(turn, self._contexts)
        for rule in self._bot.rules:
            match await rule(turn, view):
                case Skip(reason, message_id):
                    return Silent(reason, message_id=message_id)
                case Say(text, outcome, marks):
                    return await call_next(
                        replace(turn, events=saying(text, outcome), marks={**turn.marks, **marks}, conversation=None)
                    )
                case HandOver(reason, kind, summary):
                    if turn.definition.handover.enabled:
                        return await self._handover.open(turn, Sign(kind, reason, summary))
                    _log.warning("handover.not_enabled", reason=reason, hint="Set `handover.enabled` in bot.yaml.")
                    return Silent(reason)
        return await call_next(turn)


class ExtraObservers:
    """A stage, around the agent."""

    def __init__(self, bot: RunningBot) -> None:
        self._bot = bot

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Return the outcome of the stages that follow, which get what the observers make of the agent's events."""
        if not self._bot.observers or turn.events is None or turn.conversation is None:
            return await call_next(turn)
        return await call_next(replace(turn, events=self._observed(turn, turn.events)))

    async def _observed(self, turn: Turn, events: AsyncIterator[AgentEvent]) -> AsyncIterator[AgentEvent]:
        async for event in events:
            for observer in self._bot.observers:
                event = await observer(turn, event)  # noqa: PLW2901 - each one gets what the one before made of it
            yield event
