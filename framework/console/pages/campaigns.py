"""Campaigns: how far each run is, stopped in the middle and let go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from framework.campaigns.campaigns import BotCampaigns
from framework.campaigns.run import CampaignRun, RunPart
from framework.console.deciding import bot_of
from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, act, page, value_of
from framework.errors import UsageError

_MOST = 50


@dataclass(frozen=True)
class ShownRun:
    """A run, and what its parts come to."""

    run: CampaignRun
    parts: Sequence[RunPart]

    @property
    def people(self) -> int:
        """To how many people it goes."""
        return sum(part.people for part in self.parts)

    @property
    def sent(self) -> int:
        """How many have it."""
        return sum(part.sent for part in self.parts)

    @property
    def read(self) -> int:
        """How many read it."""
        return sum(part.read for part in self.parts)


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""
    return [
        page(parts, "/campaigns", _runs),
        act(parts, "/campaigns/stop", _stop, name="stop a campaign", needs="admin"),
        act(parts, "/campaigns/go-on", _go_on, name="let a campaign go on", needs="admin"),
    ]


async def _runs(visit: Visit) -> Response:
    shown: list[ShownRun] = []
    for bot in visit.parts.bots():
        if bot.campaigns is not None:
            ledger = bot.campaigns.ledger
            shown += [ShownRun(run, await ledger.parts(run.id)) for run in (await ledger.runs())[:_MOST]]
    shown.sort(key=lambda one: one.run.created_at, reverse=True)
    return visit.page("campaigns.html.j2", runs=shown)


async def _named(visit: Visit) -> tuple[BotCampaigns, CampaignRun]:
    bot = bot_of(visit)
    if bot.campaigns is None:
        raise UsageError(f"{bot.name} has no campaigns.")
    return bot.campaigns, await bot.campaigns.ledger.run(value_of(visit.form, "run"))


async def _stop(visit: Visit) -> tuple[str, str]:
    campaigns, run = await _named(visit)
    if run.state != "running":
        raise UsageError(f"{run.campaign} is {run.state}.", hint="Load the page again.")
    await campaigns.stop(run)
    return "/campaigns", f"{run.campaign} is stopped. It can go on without writing to anybody twice."


async def _go_on(visit: Visit) -> tuple[str, str]:
    campaigns, run = await _named(visit)
    if run.state != "stopped":
        raise UsageError(f"{run.campaign} is {run.state}.", hint="Load the page again.")
    await campaigns.start(campaigns.file(run.campaign))
    return "/campaigns", f"{run.campaign} goes on."
