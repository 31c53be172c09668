"""`campaign`: plan, start, stop and watch the campaigns of bots, and what came of them."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.errors import FrameworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.run import CampaignRun
    from framework.cli.campaign_view import RunView
    from framework.definition.model import Bot
    from framework.settings import Settings

_EVERY = 0.3
"""Seconds between two looks."""
STATUSES = ("draft", "scheduled", "running", "stopped", "completed", "failed")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign: a file campaigns/NAME.yaml of a bot.")]
OfBot = Annotated[
    str | None, typer.Option("--bot", help="The bot, by name or path. [default: the one that has the campaign]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        name="campaign", help="Campaigns: one message to many people, each at most once.", no_args_is_help=True
    )
    for command in (plan, start, stop, watch, results):
        group.command()(command)
    group.command(name="list")(list_campaigns)
    app.add_typer(group)


def plan(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Show who would get a campaign now, or at the next time of its `cron`: how many, who not and why, when, and the
    text for five people.

    Nothing is sent, and nothing is kept.
    """
    from framework.cli.campaign_view import plan_facts, print_plan

    async def work(campaigns: BotCampaigns) -> dict[str, Any]:
        from framework.campaigns.files import is_scheduled
        from framework.runtime.intake.campaigns import next_wall

        file = campaigns.file(name)
        repeats = is_scheduled(file.bot, file.name)
        return plan_facts(file, await campaigns.plan(file, wall=next_wall(file, campaigns.now()), repeats=repeats))

    facts = _with_campaigns(name, bot, work)
    if as_json:
        _print_json(facts)
    else:
        print_plan(facts)


def start(
    name: Name,
    bot: OfBot = None,
    again: Annotated[
        bool, typer.Option("--again", help="Begin another run, for those who did not get it so far.")
    ] = False,
    as_started: Annotated[
        bool, typer.Option("--as-started", help="Go on with a stopped run although its file was edited since.")
    ] = False,
    follow: Annotated[bool, typer.Option("--watch", help="Stay, and show how it goes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a campaign, or let a stopped one go on. Returns once it is seen to be running, or waits for its time.

    Parts that are due later, or wait for `throttle`, are sent by a running bot (`run BOT`) or by `campaign watch`.
    """

    async def work(campaigns: BotCampaigns) -> RunView:
        run, _ = await campaigns.start(campaigns.file(name), again=again, as_started=as_started)
        if follow:
            return await _follow(campaigns, run, as_json=as_json)
        return await _until_on_its_way(campaigns, run)

    view = _with_campaigns(name, bot, work)
    if not follow:
        _say(view, as_json=as_json)
    _end(view)


def stop(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Stop a campaign in the middle. `campaign start NAME` lets it go on without writing to anybody twice."""

    async def work(campaigns: BotCampaigns) -> RunView:
        from framework.cli.campaign_view import look_at

        run = await _open_run(campaigns, name)
        return await look_at(campaigns, await campaigns.stop(run))

    _say(_with_campaigns(name, bot, work), as_json=as_json)


def watch(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Show how a campaign goes until it ends, and send what is due if no bot does. With --json: a line a change."""

    async def work(campaigns: BotCampaigns) -> RunView:
        runs = await campaigns.ledger.runs(name)
        if not runs:
            raise UsageError(f"The campaign {name} was never started.", hint=f"Start it: campaign start {name}")
        return await _follow(campaigns, runs[0], as_json=as_json)

    _end(_with_campaigns(name, bot, work))


def results(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Show what came of a campaign: sent, read, answered within a day, handed over, opted out, by variant."""
    from framework.cli.campaign_view import print_results, result_facts

    async def work(campaigns: BotCampaigns) -> dict[str, Any]:
        runs = await campaigns.ledger.runs(name)
        if not runs:
            raise UsageError(f"The campaign {name} was never started.", hint=f"Start it: campaign start {name}")
        await campaigns.refresh(runs[0])
        return await result_facts(campaigns, runs[0])

    facts = _with_campaigns(name, bot, work)
    if as_json:
        _print_json(facts)
    else:
        print_results(facts)


def list_campaigns(
    status: Annotated[str | None, typer.Option("--status", help=f"Only those that are {', '.join(STATUSES)}.")] = None,
    bot: Annotated[str | None, typer.Option("--bot", help="Only those of this bot. [default: all under bots/]")] = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns with the state of their last run. What was never started is a draft."""
    from framework.cli.campaign_view import listed, print_list

    wanted = {"in_progress": "running"}.get(status or "", status)
    if wanted is not None and wanted not in STATUSES:
        raise UsageError(f"{status!r} is not a status.", hint=f"One of {', '.join(STATUSES)}.")
    settings = _settings()
    facts = [fact for one in _bots(bot) for fact in asyncio.run(_opened(one, settings, listed))]
    facts = [fact for fact in facts if wanted in (None, fact["status"])]
    if as_json:
        _print_json(facts)
    else:
        print_list(facts, wanted)


async def _until_on_its_way(campaigns: BotCampaigns, run: CampaignRun) -> RunView:
    """Bring a run on until something of it is on its way, or nothing is due, or it ended."""
    from framework.cli.campaign_view import look_at

    while True:
        run = await campaigns.sender.advance(run.id)
        view = await look_at(campaigns, run)
        if run.state != "running" or view.status in ("running", "scheduled"):
            await campaigns.sender.let_go(run.id)
            return view
        await asyncio.sleep(_EVERY)


async def _follow(campaigns: BotCampaigns, run: CampaignRun, *, as_json: bool) -> RunView:
    """Show a run until it ends. It is brought on if no other process does."""
    from framework.cli.campaign_view import Follower, look_at

    with Follower(as_json=as_json) as follower:
        while True:
            run = await campaigns.sender.advance(run.id)
            view = await look_at(campaigns, run)
            follower.show(view)
            if run.state != "running":
                await campaigns.sender.let_go(run.id)
                return view
            await asyncio.sleep(_EVERY)


async def _open_run(campaigns: BotCampaigns, name: str) -> CampaignRun:
    run = await campaigns.ledger.open_run(name)
    if run is None:
        runs = await campaigns.ledger.runs(name)
        said = f"is {runs[0].state}" if runs else "was never started"
        raise FrameworkError(
            f"The campaign {name} {said}: there is nothing to stop.", hint="`campaign list` shows all of them."
        )
    return run


def _say(view: RunView, *, as_json: bool) -> None:
    from framework.cli.campaign_view import print_run

    if as_json:
        _print_json(view.facts)
    else:
        print_run(view)


def _end(view: RunView) -> None:
    if view.status == "failed" or view.failures:
        raise typer.Exit(1)


def _with_campaigns(name: str, bot: str | None, work: Callable[[BotCampaigns], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the work returns
    return asyncio.run(_opened(_bot_of(name, bot), _settings(), work))


async def _opened(bot: Bot, settings: Settings, work: Callable[[BotCampaigns], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the work returns
    from framework.app.campaigns import opened_campaigns

    async with opened_campaigns(bot, settings) as campaigns:
        return await work(campaigns)


def _settings() -> Settings:
    from framework.app.environment import logging_for
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings, level="error")
    return settings


def _bot_of(name: str, bot: str | None) -> Bot:
    """Return the bot that is named, or the only one that has the campaign. Raises UsageError."""
    from framework.campaigns.files import campaign_names

    bots = _bots(bot)
    having = [one for one in bots if name in campaign_names(one)]
    if len(having) > 1:
        raise UsageError(
            f"Several bots have a campaign {name}: {', '.join(one.name for one in having)}.",
            hint=f"Name one: campaign ... {name} --bot {having[0].name}",
        )
    if not having and bot is None:
        known = [f"{campaign} ({one.name})" for one in bots for campaign in campaign_names(one)]
        raise UsageError(
            f"There is no campaign {name!r}.",
            hint=f"There are: {', '.join(known) or 'none'}. A campaign is a file bots/BOT/campaigns/NAME.yaml; "
            "for a bot elsewhere add --bot FOLDER.",
        )
    return (having or bots)[0]


def _bots(bot: str | None) -> list[Bot]:
    from framework.campaigns.files import FOLDER
    from framework.definition.loader import bot_names, bots_folder, load_bot

    if bot is not None:
        return [load_bot(bot)]
    names = [name for name in bot_names() if (bots_folder() / name / FOLDER).is_dir()]
    return [load_bot(name) for name in names]


def _print_json(value: object) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")
