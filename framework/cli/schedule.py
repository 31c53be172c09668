"""`schedule`: list the schedules of bots, run one now, pause and resume one."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli.turns import STATES, with_engine
from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.definition.model import Bot
    from framework.definition.parts.triggers import Trigger
    from framework.engine.port import Record
    from framework.runtime.state.pauses import Pause

_MOST = 10_000
_NEXT = 5
Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule, as `schedule list` names it.")]
OfBot = Annotated[
    str | None, typer.Option("--bot", help="The bot, by name or path. [default: the one that has the schedule]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(name="schedule", help="Schedules: what bots do at times.", no_args_is_help=True)
    group.command(name="list")(list_schedules)
    for command in (run, pause, resume):
        group.command()(command)
    app.add_typer(group)


def list_schedules(
    bot: Annotated[str | None, typer.Option("--bot", help="Only those of this bot. [default: all under bots/]")] = None,
    as_json: AsJson = False,
) -> None:
    """List schedules: the next five times in their zone, which are paused, and what came of the last one."""
    found = _schedules(bot)
    pauses = asyncio.run(_pauses_now()) if found else []
    records = with_engine(lambda engine: engine.records(STATES, limit=_MOST)) if found else ()
    facts = [_facts(one, trigger, pauses, records or ()) for one, trigger in found]
    if as_json:
        _print_json(facts)
        return
    for line in _lines(facts):
        _say(line)


def run(
    name: Name,
    bot: OfBot = None,
    channel: Annotated[str, typer.Option(help="Only in this channel, TYPE:ID. [default: all in which it runs]")] = "",
    as_json: AsJson = False,
) -> None:
    """Run a schedule now, once: by the bot if it runs, else when it starts. Its own times stay as they are."""
    from framework.app.schedules import begin_campaign_now, run_now

    one, trigger = _found(name, bot)
    if trigger.campaign:
        if channel:
            raise UsageError(f"{name} begins a campaign, in no channel.", hint="Leave out --channel.")
        begun = asyncio.run(begin_campaign_now(one, trigger, _settings()))
        told = f"Run {begun['run']} of the campaign {trigger.campaign} begins (see: campaign watch {trigger.campaign})."
        _tell(told, {"schedule": name, "bot": one.name, **begun}, as_json=as_json)
        return
    keys = asyncio.run(run_now(one, trigger, _settings(), channel=channel))
    facts = {"schedule": name, "bot": one.name, "turns": keys}
    if as_json:
        _print_json(facts)
    else:
        for place, key in keys.items():
            _say(f"{name} runs in {place} (see: turns show {key[:8]}).")


def pause(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """Pause a schedule in all replicas, also after a restart, until it is resumed. Times in between are left out."""
    one, trigger = _found(name, bot)
    asyncio.run(_pause(one, trigger))
    _tell(f"{name} of {one.name} is paused.", {"schedule": name, "bot": one.name, "paused": True}, as_json=as_json)


def resume(name: Name, bot: OfBot = None, as_json: AsJson = False) -> None:
    """End the pause of a schedule."""
    one, trigger = _found(name, bot)
    if not asyncio.run(_resume(one, trigger)):
        raise UsageError(f"The schedule {name} is not paused.", hint="`schedule list` shows which are.")
    told = {"schedule": name, "bot": one.name, "paused": False}
    _tell(f"{name} of {one.name} runs again.", told, as_json=as_json)


async def _pause(bot: Bot, trigger: Trigger) -> None:
    from framework.cli.pause import open_pauses
    from framework.runtime.intake.schedule import name_of
    from framework.runtime.state.pauses import schedule_place

    await open_pauses().pause(bot.name, schedule_place(name_of(trigger)), getpass.getuser())


async def _resume(bot: Bot, trigger: Trigger) -> bool:
    from framework.cli.pause import open_pauses
    from framework.runtime.intake.schedule import name_of
    from framework.runtime.state.pauses import schedule_place

    return await open_pauses().resume(bot.name, schedule_place(name_of(trigger)))


async def _pauses_now() -> list[Pause]:
    from framework.cli.pause import open_pauses

    return await open_pauses().all()


def _schedules(bot: str | None) -> list[tuple[Bot, Trigger]]:
    """Return the schedules of a bot, or of all bots, those that only some channels have among them."""
    from framework.definition.loader import bot_names, load_bot
    from framework.definition.overrides import merged
    from framework.runtime.intake.schedule import name_of

    found: list[tuple[Bot, Trigger]] = []
    for one in [load_bot(name) for name in ([bot] if bot is not None else bot_names())]:
        definition = one.definition
        variants = (definition, *(merged(definition, (pattern,)) for pattern in definition.overrides))
        triggers = [trigger for variant in variants for trigger in variant.effective_triggers]
        named = {name_of(trigger): trigger for trigger in triggers if trigger.on == "schedule"}
        found += [(one, trigger) for trigger in named.values()]
    return found


def _found(name: str, bot: str | None) -> tuple[Bot, Trigger]:
    from framework.runtime.intake.schedule import name_of

    schedules = _schedules(bot)
    having = [(one, trigger) for one, trigger in schedules if name_of(trigger) == name]
    if len(having) > 1:
        raise UsageError(
            f"Several bots have a schedule {name}: {', '.join(one.name for one, _ in having)}.",
            hint=f"Name one: schedule ... {name} --bot {having[0][0].name}",
        )
    if not having:
        known = ", ".join(f"{name_of(trigger)} ({one.name})" for one, trigger in schedules)
        raise UsageError(
            f"There is no schedule {name!r}.",
            hint=f"There are: {known or 'none'}. For a bot elsewhere add --bot FOLDER.",
        )
    return having[0]


def _facts(bot: Bot, trigger: Trigger, pauses: Sequence[Pause], records: Sequence[Record]) -> dict[str, Any]:
    from framework.runtime.intake.schedule import name_of, next_due
    from framework.runtime.state.pauses import WHOLE, schedule_place

    name = name_of(trigger)
    paused = next((one for one in pauses if one.bot == bot.name and one.channel in (WHOLE, schedule_place(name))), None)
    from framework.definition.parts.hours import zone

    place = zone(trigger.timezone)
    dues = next_due(trigger, datetime.now(UTC), _NEXT)
    return {
        "schedule": name,
        "bot": bot.name,
        **{key: str(getattr(trigger, key)) for key in trigger.times},
        "timezone": trigger.timezone,
        "next": [due.astimezone(place).isoformat(timespec="seconds") for due in dues],
        **({"campaign": trigger.campaign} if trigger.campaign else {}),
        "paused_by": paused.by if paused else None,
        "last": _last(bot, name, records),
    }


def _last(bot: Bot, name: str, records: Sequence[Record]) -> dict[str, Any] | None:
    """Return the latest turn of a schedule among those that the engine keeps, and what came of it."""
    mine = [
        one
        for one in records
        if one.job.payload.get("bot") == bot.name
        and str((one.job.payload.get("trigger") or {}).get("id", "")).startswith(f"schedule:{name}:")
        and one.state != "waiting"
    ]
    if not mine:
        return None
    latest = max(mine, key=lambda one: one.updated_at)
    outcome = latest.error if latest.state == "dead" else latest.outcome or latest.state
    hint = f"turns retry {latest.job.key[:8]}" if latest.state == "dead" else None
    at = latest.updated_at.isoformat(timespec="seconds")
    return {"at": at, "state": latest.state, "outcome": outcome, "turn": latest.job.key, "retry": hint}


def _lines(facts: Sequence[dict[str, Any]]) -> list[str]:
    if not facts:
        return ["No bot has a schedule. One is a trigger in bot.yaml: schedule: {cron: ..., do: ...}."]
    lines = []
    for one in facts:
        when = next(f"{key} {one[key]}" for key in ("cron", "at", "every") if key in one)
        lines.append(f"{one['schedule']}  {one['bot']}  {when}  {one['timezone']}")
        if one["paused_by"]:
            lines.append(f"  paused by {one['paused_by']}")
        shown = ", ".join(due[:16].replace("T", " ") for due in one["next"])
        lines.append(f"  next  {shown or 'never: its time is over'}")
        last = one["last"]
        if "campaign" in one:
            lines.append(f"  last  see: campaign results {one['campaign']}")
        elif last:
            remedy = f" ({last['retry']})" if last["retry"] else ""
            lines.append(f"  last  {last['at'][:16].replace('T', ' ')} UTC: {last['outcome']}{remedy}")
        else:
            lines.append("  last  -")
    return lines


def _settings() -> Any:  # noqa: ANN401 - Settings, imported late
    from framework.app.environment import logging_for
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings, level="error")
    return settings


def _tell(line: str, facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(facts)
    else:
        _say(line)


def _say(line: str) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")


def _print_json(value: object) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
