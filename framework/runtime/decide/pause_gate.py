"""The rule that keeps a bot silent while somebody has paused it."""

from __future__ import annotations

from framework.runtime.core.bot import RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import Skip
from framework.runtime.core.turn import Turn
from framework.runtime.state.pauses import WHOLE, Pauses, schedule_place


class PauseGate:
    """A rule, before triggers and conditions. What the team decided on and what an operator asks for is done."""

    def __init__(self, bot: RunningBot) -> None:
        self._bot = bot

    async def __call__(self, turn: Turn, view: ChannelView) -> Skip | None:
        """Return Skip if the bot or the channel is paused. Raises EngineError."""
        if self._bot.pauses is None or turn.forced:
            return None
        pause = await self._bot.pauses.of(self._bot.name, str(turn.channel))
        if pause is None:
            return await self._of_schedule(turn, self._bot.pauses)
        return Skip(f"paused by {pause.by}" if pause.channel == WHOLE else f"paused in this channel by {pause.by}")

    async def _of_schedule(self, turn: Turn, pauses: Pauses) -> Skip | None:
        if turn.cause.kind != "schedule":
            return None
        pause = await pauses.of(self._bot.name, schedule_place(turn.trigger.id.split(":")[1]))
        return Skip(f"schedule paused by {pause.by}") if pause is not None else None
