"""Brings one run on for whoever waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from framework.campaigns.view import look_at
from framework.errors import FrameworkError, UsageError

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.run import CampaignRun
    from framework.campaigns.view import RunView

EVERY = 0.3
"""Seconds between two looks."""


async def until_on_its_way(campaigns: BotCampaigns, run: CampaignRun) -> RunView:
    """Bring a run on until something of it is on its way, or nothing is due, or it ended."""
    while True:
        run = await campaigns.sender.advance(run.id)
        view = await look_at(campaigns, run)
        if run.state != "running" or view.status in ("running", "scheduled"):
            await campaigns.sender.let_go(run.id)
            return view
        await asyncio.sleep(EVERY)


async def open_run(campaigns: BotCampaigns, name: str) -> CampaignRun:
    """Return the run that is not at its end. Raises FrameworkError if there is none."""
    run = await campaigns.ledger.open_run(name)
    if run is None:
        runs = await campaigns.ledger.runs(name)
        said = f"is {runs[0].state}" if runs else "was never started"
        raise FrameworkError(
            f"The campaign {name} {said}: there is nothing to stop.", hint="`campaign list` shows all of them."
        )
    return run


async def latest_run(campaigns: BotCampaigns, name: str) -> CampaignRun:
    """Return the last run. Raises UsageError if there is none."""
    runs = await campaigns.ledger.runs(name)
    if not runs:
        raise UsageError(f"The campaign {name} was never started.", hint=f"Start it: campaign start {name}")
    return runs[0]
