"""Brings the campaigns of a running bot on: parts that are due, and runs that a `cron` begins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from framework.definition.parts.triggers import Trigger
from framework.errors import ChatServiceError, DefinitionError, FrameworkError
from framework.runtime.core.bot import RunningBot
from framework.runtime.intake.schedule import LATE, ticks
from framework.runtime.intake.scheduled_campaigns import ScheduledCampaigns
from framework.stream.model import EPOCH
from framework.stream.timing import Timing

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.files import CampaignFile

_log = structlog.get_logger(__name__)

EVERY = 5.0
"""Seconds between two looks while nothing is on its way."""
_LONGEST = timedelta(minutes=1)
_PAUSE = timedelta(seconds=1)
_BRISK = 0.5
"""The same while messages are on their way."""


class CampaignWork:
    """Sends what is due. Replicas share the work: a run is brought on by one of them at a time.

    Errors are logged, and the next look goes on: `look` raises none.
    """

    def __init__(self, bot: RunningBot, timing: Timing) -> None:
        self._bot = bot
        self._timing = timing
        self._told: set[str] = set()
        self._nothing_before = EPOCH
        self._scheduled = ScheduledCampaigns(bot, timing, self._tell)

    async def look(self) -> None:
        """Begin the runs that are due, and bring all runs on until nothing is on its way."""
        campaigns = self._bot.campaigns
        if campaigns is None or not campaigns.has_any:
            return
        if self._timing.now() < self._nothing_before:
            return
        try:
            for name in campaigns.names:
                await self._begin_due(campaigns, name)
            await self._scheduled.begin_due(campaigns)
            while await self._advance(campaigns):
                await self._timing.sleep(_BRISK)
                await self._scheduled.begin_due(campaigns)
            self._nothing_before = await self._next_due(campaigns)
        except FrameworkError as error:
            self._tell("campaigns.not_sent", error)

    async def _next_due(self, campaigns: BotCampaigns) -> datetime:
        """Return until when there is nothing to do: a minute at most, as another process may begin a run.

        A part between waiting and running may be that of a process that died: it is looked at again soon.
        """
        now = self._timing.now()
        latest = now + _LONGEST
        dues = [
            part.due if part.state == "waiting" else now
            for run in await campaigns.ledger.runs(states=("running",))
            for part in await campaigns.ledger.parts(run.id)
            if part.state in ("waiting", "claimed", "created")
        ]
        files = [campaigns.known(name) for name in campaigns.names if f"broken {name}" not in self._told]
        latest = min([latest, *(max(due, now + _PAUSE) for due in dues)])
        comes = any(any(walls(file, now, latest)) for file in files) or self._scheduled.any_due(now, latest)
        return now if comes else latest

    async def _advance(self, campaigns: BotCampaigns) -> bool:
        """Bring open runs on. Returns whether something is on its way."""
        busy = False
        for known in await campaigns.ledger.runs(states=("running", "stopped")):
            try:
                run = await campaigns.sender.advance(known.id)
            except ChatServiceError as error:
                self._tell("campaign.not_sent", error, campaign=known.campaign)
                continue
            parts = await campaigns.ledger.parts(run.id) if run.state == "running" else []
            busy = busy or any(part.state == "running" for part in parts)
        return busy

    async def _begin_due(self, campaigns: BotCampaigns, name: str) -> None:
        try:
            file = campaigns.known(name)
        except DefinitionError as error:
            self._tell("campaign.broken", error, campaign=name)
            self._told.add(f"broken {name}")
            return
        self._told.discard(f"broken {name}")
        now = self._timing.now()
        for wall in walls(file, now - LATE - _behind(file), now):
            occurrence = f"tick {wall.isoformat()}"
            if f"{name} {occurrence}" in self._told or await campaigns.ledger.has(name, occurrence):
                continue
            self._told.add(f"{name} {occurrence}")
            try:
                run = await campaigns.begin(campaigns.file(name), occurrence, wall=wall)
                _log.info("campaign.begun", campaign=name, run=run.number, tick=wall.isoformat())
            except DefinitionError as error:
                self._tell("campaign.not_begun", error, campaign=name)
            except FrameworkError:
                self._told.discard(f"{name} {occurrence}")
                raise

    def _tell(self, event: str, error: FrameworkError, **fields: str) -> None:
        """Log an error once, until another one comes."""
        if f"{event} {fields} {error}" not in self._told:
            self._told.add(f"{event} {fields} {error}")
            where = str(error.where) if error.where else None
            _log.error(event, bot=self._bot.name, error=error.what, where=where, hint=error.hint, **fields)


def walls(file: CampaignFile, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield what clocks show at the ticks of a campaign's `cron` in (after, until].

    With `timezone: person` a tick is when a day's time comes first on earth, so everybody's is still to come.
    """
    from framework.campaigns.model import PERSON
    from framework.campaigns.times import FIRST_ZONE
    from framework.definition.parts.hours import zone

    campaign = file.campaign
    if not campaign.cron:
        return
    place = FIRST_ZONE if campaign.timezone == PERSON else zone(campaign.timezone)
    for tick in ticks(Trigger(on="schedule", cron=campaign.cron, timezone=place.key), after, until):
        yield tick.astimezone(place).replace(tzinfo=None, microsecond=0)


def _behind(file: CampaignFile) -> timedelta:
    """Return how long after its tick a time of day comes last on earth."""
    from framework.campaigns.model import PERSON

    return timedelta(hours=26) if file.campaign.timezone == PERSON else timedelta()


def next_wall(file: CampaignFile, now: datetime) -> datetime | None:
    """Return what clocks show at the next tick, within a year."""
    for days in (1, 8, 32, 366):
        found = next(walls(file, now, now + timedelta(days=days)), None)
        if found is not None:
            return found
    return None
