"""Finds the campaigns of bots by name, and does what MCP clients want of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from framework.app.campaigns import opened_campaigns
from framework.errors import FrameworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.campaigns.run import CampaignRun
    from framework.definition.model import Bot
    from framework.settings import Settings

_log = structlog.get_logger(__name__)


def bots_with_campaigns() -> list[Bot]:
    """Return the bots under bots/ that have campaigns. Raises DefinitionError for a broken one."""
    from framework.campaigns.files import FOLDER
    from framework.definition.loader import bot_names, bots_folder, load_bot

    return [load_bot(name) for name in bot_names() if (bots_folder() / name / FOLDER).is_dir()]


def bot_of(name: str, bots: Sequence[Bot]) -> Bot:
    """Return the only bot that has a campaign. Raises UsageError."""
    from framework.campaigns.files import campaign_names

    having = [one for one in bots if name in campaign_names(one)]
    if len(having) > 1:
        raise UsageError(
            f"Several bots have a campaign {name}: {', '.join(one.name for one in having)}.",
            hint=f"Name one: campaign ... {name} --bot {having[0].name}",
        )
    if not having:
        known = [f"{campaign} ({one.name})" for one in bots for campaign in campaign_names(one)]
        raise UsageError(
            f"There is no campaign {name!r}.",
            hint=f"There are: {', '.join(known) or 'none'}. A campaign is a file bots/BOT/campaigns/NAME.yaml; "
            "for a bot elsewhere add --bot FOLDER.",
        )
    return having[0]


def said_status(status: str | None) -> str | None:
    """Return a status as campaigns have it. Raises UsageError for a word that is none."""
    from framework.campaigns.view import STATUSES

    wanted = {"in_progress": "running"}.get(status or "", status)
    if wanted is not None and wanted not in STATUSES:
        raise UsageError(f"{status!r} is not a status.", hint=f"One of {', '.join(STATUSES)}.")
    return wanted


class ServedCampaigns:
    """The campaigns under bots/ for MCP clients, as `CampaignActions`. What is started here is sent to its end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def listed(self, status: str | None) -> list[dict[str, Any]]:
        """Return all campaigns, or those of a status, with the state of their last run."""
        from framework.campaigns.view import listed

        wanted = said_status(status)
        found: list[dict[str, Any]] = []
        for bot in bots_with_campaigns():
            async with opened_campaigns(bot, self._settings) as campaigns:
                found += await listed(campaigns)
        return [fact for fact in found if wanted in (None, fact["status"])]

    async def plan(self, name: str) -> dict[str, Any]:
        """Return who would get a campaign, when, and the text for a few of them."""
        from framework.campaigns.files import is_scheduled
        from framework.campaigns.view import plan_facts
        from framework.runtime.intake.campaigns import next_wall

        async with opened_campaigns(self._bot(name), self._settings) as campaigns:
            file = campaigns.file(name)
            repeats = is_scheduled(file.bot, name)
            made = await campaigns.plan(file, wall=next_wall(file, campaigns.now()), repeats=repeats)
            facts = plan_facts(file, made)
        del facts["who_not"]  # up to 10,000 ids: `left_out` counts them by reason
        return facts

    async def results(self, name: str) -> dict[str, Any]:
        """Return where the last run stands, and what came of it."""
        from framework.campaigns.progress import latest_run
        from framework.campaigns.view import result_facts

        async with opened_campaigns(self._bot(name), self._settings) as campaigns:
            return await result_facts(campaigns, await campaigns.refresh(await latest_run(campaigns, name)))

    def about(self, name: str) -> dict[str, Any]:
        """Return what a person who approves has to know of a campaign: any edit of the file changes it.

        Raises UsageError if there is none, and DefinitionError for a broken file.
        """
        from framework.campaigns.files import read_campaign

        file = read_campaign(self._bot(name), name)
        return {
            "bot": file.bot.name,
            "sender": str(file.sender["id"]),
            "file": file.fingerprint,
            "audience": file.campaign.audience.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
            "texts": {" ".join(filter(None, key)) or "all": text.source for key, text in file.texts.items()},
        }

    async def start(self, name: str, *, file: str, again: bool, as_started: bool) -> dict[str, Any]:
        """Begin a run, or let a stopped one go on. It is running when this returns, or waits for its time.

        `file` is the fingerprint that `about` told. Raises FrameworkError if the file was edited since.
        """
        from framework.campaigns.progress import until_on_its_way

        bot = self._bot(name)
        async with opened_campaigns(bot, self._settings) as campaigns:
            read = campaigns.file(name)
            if read.fingerprint != file:
                raise FrameworkError(
                    f"The campaign {name} was edited meanwhile: nothing was sent.", hint="Start again."
                )
            run, _ = await campaigns.start(read, again=again, as_started=as_started)
            view = await until_on_its_way(campaigns, run)
        if view.run.state == "running":
            self._send(bot, view.run)
        return view.facts

    async def stop(self, name: str) -> dict[str, Any]:
        """Stop the run that is not at its end."""
        from framework.campaigns.progress import open_run
        from framework.campaigns.view import look_at

        async with opened_campaigns(self._bot(name), self._settings) as campaigns:
            run = await campaigns.stop(await open_run(campaigns, name))
            return (await look_at(campaigns, run)).facts

    async def close(self) -> None:
        """Stop sending. What is not sent yet goes out by a running bot, or when it is started again."""
        for task in self._sending.values():
            task.cancel()
        await asyncio.gather(*self._sending.values(), return_exceptions=True)

    def _bot(self, name: str) -> Bot:
        return bot_of(name, bots_with_campaigns())

    def _send(self, bot: Bot, run: CampaignRun) -> None:
        known = self._sending.get(run.id)
        if known is None or known.done():
            self._sending[run.id] = asyncio.create_task(self._to_end(bot, run))

    async def _to_end(self, bot: Bot, run: CampaignRun) -> None:
        from framework.campaigns.progress import EVERY

        try:
            async with opened_campaigns(bot, self._settings) as campaigns:
                while True:
                    if (await campaigns.sender.advance(run.id)).state != "running":
                        break
                    await asyncio.sleep(EVERY)
                await campaigns.sender.let_go(run.id)
        except FrameworkError as error:
            _log.warning("campaigns.not_sent", campaign=run.campaign, error=str(error))
