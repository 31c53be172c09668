"""Begins the campaigns of a bot's schedules: `run: {campaign: NAME}`. They need no channel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from framework.definition.parts.triggers import Trigger
from framework.errors import DefinitionError, UsageError
from framework.runtime.core.bot import RunningBot
from framework.runtime.intake.schedule import LATE, due, due_of, name_of
from framework.runtime.state.pauses import schedule_place
from framework.stream.timing import Timing

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns

_log = structlog.get_logger(__name__)

_PLACE = "campaign"
"""What stands in the book of schedules in place of a channel."""
Tell = Callable[..., None]
"""Logs an event with an error and fields."""


def occurrence_of(name: str, tick: datetime) -> str:
    """Return for what a run is begun: one schedule and tick. The run's id follows from it, so it is begun once."""
    return f"schedule {name} {tick.isoformat()}"


def by_hand(name: str, now: datetime) -> str:
    """Return for what a run is begun that somebody asked for beside the times of a schedule."""
    return f"schedule {name} by hand {now.isoformat()}"


class ScheduledCampaigns:
    """Begins a run for each tick that is due, on any number of replicas and across restarts.

    The ledger of campaigns has one run for a schedule and tick. The book of schedules only says which ticks are past.
    """

    def __init__(self, bot: RunningBot, timing: Timing, tell: Tell) -> None:
        self._bot = bot
        self._timing = timing
        self._tell = tell
        self._begun_until: dict[str, datetime] = {}
        self._has_looked = False

    async def begin_due(self, campaigns: BotCampaigns) -> None:
        """Begin what is due. Raises FrameworkError where it must be tried again: the tick stays due."""
        now = self._timing.now()
        for trigger in self._triggers:
            name = name_of(trigger)
            since = self._begun_until.get(name) or await self._since(trigger, name, now)
            found = due(trigger, since, now, now)
            for tick in found:
                await self._begin(campaigns, trigger, name, tick)
            if found and self._bot.schedules is not None:
                await self._bot.schedules.look(self._bot.scope, name, _PLACE, now)
            self._begun_until[name] = now
        self._has_looked = True

    def any_due(self, after: datetime, until: datetime) -> bool:
        """Return whether a tick becomes due in (after, until]."""
        return any(
            after < due_of(trigger, tick) for trigger in self._triggers for tick in due(trigger, after, until, after)
        )

    async def _begin(self, campaigns: BotCampaigns, trigger: Trigger, name: str, tick: datetime) -> None:
        occurrence = occurrence_of(name, tick)
        told = {"campaign": trigger.campaign, "schedule": name, "tick": tick.isoformat()}
        if await campaigns.ledger.has(trigger.campaign, occurrence):
            return
        if by := await self._paused_by(name):
            _log.info("campaign.paused", bot=self._bot.name, by=by, **told)
            return
        try:
            run = await campaigns.begin(campaigns.known(trigger.campaign), occurrence, repeats=True)
        except (DefinitionError, UsageError) as error:
            self._tell("campaign.not_begun", error, **told)
            return
        _log.info("campaign.begun", bot=self._bot.name, run=run.number, **told)

    async def _paused_by(self, name: str) -> str:
        if self._bot.pauses is None:
            return ""
        pause = await self._bot.pauses.of(self._bot.name, schedule_place(name))
        return "" if pause is None else pause.by

    async def _since(self, trigger: Trigger, name: str, now: datetime) -> datetime:
        """Return from when on ticks count at the first look: for a new schedule from now on."""
        book = self._bot.schedules
        if book is None:
            return now if self._has_looked else now - LATE
        known = await book.entry(self._bot.scope, name, _PLACE)
        return max(known.since, known.looked_until, now - max(trigger.missed_within, LATE))

    @property
    def _triggers(self) -> list[Trigger]:
        """The schedules of campaigns in the bot's file as it is now."""
        return [trigger for trigger in self._bot.definition.triggers if trigger.campaign]
