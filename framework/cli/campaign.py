"""`campaign`: plan, start, stop and watch the campaigns of bots, and what came of them."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.run import CampaignRun
    from framework.campaigns.view import RunView
    from framework.definition.model import Bot
    from framework.settings import Settings

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
    from framework.campaigns.view import plan_facts
    from framework.cli.campaign_view import print_plan

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
        from framework.campaigns.progress import until_on_its_way

        run, _ = await campaigns.start(campaigns.file(name), again=again, as_started=as_started)
        if follow:
            return await _follow(campaigns, run, as_json=as_json)
        return await until_on_its_way(campaigns, run)

    view = _with_campaigns(name, bot, work)
    if not follow:
        _say(view, as_json=as_json)
    _end(view)


def stop(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Stop a campaign in the middle. `campaign start NAME` lets it go on without writing to anybody twice."""

    async def work(campaigns: BotCampaigns) -> RunView:
        from framework.campaigns.progress import open_run
        from framework.campaigns.view import look_at

        run = await open_run(campaigns, name)
        return await look_at(campaigns, await campaigns.stop(run))

    _say(_with_campaigns(name, bot, work), as_json=as_json)


def watch(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Show how a campaign goes until it ends, and send what is due if no bot does. With --json: a line a change."""

    async def work(campaigns: BotCampaigns) -> RunView:
        from framework.campaigns.progress import latest_run

        return await _follow(campaigns, await latest_run(campaigns, name), as_json=as_json)

    _end(_with_campaigns(name, bot, work))


def results(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Show what came of a campaign: sent, read, answered within a day, handed over, opted out, by variant."""
    from framework.campaigns.progress import latest_run
    from framework.campaigns.view import result_facts
    from framework.cli.campaign_view import print_results

    async def work(campaigns: BotCampaigns) -> dict[str, Any]:
        return await result_facts(campaigns, await campaigns.refresh(await latest_run(campaigns, name)))

    facts = _with_campaigns(name, bot, work)
    if as_json:
        _print_json(facts)
    else:
        print_results(facts)


def list_campaigns(
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only those that are draft, scheduled, running, stopped, completed, failed."),
    ] = None,
    bot: Annotated[str | None, typer.Option("--bot", help="Only those of this bot. [default: all under bots/]")] = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns with the state of their last run. What was never started is a draft."""
    from framework.app.bot_campaigns import said_status
    from framework.campaigns.view import listed
    from framework.cli.campaign_view import print_list

    wanted = said_status(status)
    settings = _settings()
    facts = [fact for one in _bots(bot) for fact in asyncio.run(_opened(one, settings, listed))]
    facts = [fact for fact in facts if wanted in (None, fact["status"])]
    if as_json:
        _print_json(facts)
    else:
        print_list(facts, wanted)


async def _follow(campaigns: BotCampaigns, run: CampaignRun, *, as_json: bool) -> RunView:
    """Show a run until it ends. It is brought on if no other process does."""
    from framework.campaigns.progress import EVERY
    from framework.campaigns.view import look_at
    from framework.cli.campaign_view import Follower

    with Follower(as_json=as_json) as follower:
        while True:
            run = await campaigns.sender.advance(run.id)
            view = await look_at(campaigns, run)
            follower.show(view)
            if run.state != "running":
                await campaigns.sender.let_go(run.id)
                return view
            await asyncio.sleep(EVERY)


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
    from framework.app.bot_campaigns import bot_of

    return _bots(bot)[0] if bot is not None else bot_of(name, _bots(None))


def _bots(bot: str | None) -> list[Bot]:
    from framework.app.bot_campaigns import bots_with_campaigns
    from framework.definition.loader import load_bot

    return [load_bot(bot)] if bot is not None else bots_with_campaigns()


def _print_json(value: object) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")
