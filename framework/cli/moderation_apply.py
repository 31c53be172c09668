"""`moderation apply`: what moderation needs at the chat service, compared with what is set there, and set."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from framework.moderation.at_service import CurrentSettings, GuardedRules, SettingsPlan
    from framework.moderation.at_service.current import Execute
    from framework.settings import Settings


def apply(
    bots: Annotated[
        list[str] | None, typer.Argument(help="Names under bots/ or paths; all under bots/ without any.")
    ] = None,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="ADDRESS",
            help="Where the chat service reaches FRAMEWORK_WEBHOOK, such as https://bots.shop.example.",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it. Without this, the differences are shown.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object with changes, notes and applied.")
    ] = False,
) -> None:
    """Set at the chat service what the rules of moderation.yaml need, on all channel types that they cover.

    These are the blocklists that rules name by stream_list, the hook before a message is sent and how long the service
    waits for it, and that messages wait where a rule holds them. Terms and settings of others stay. A second time
    changes nothing.
    """
    plan = asyncio.run(_apply(guarded_rules(bots), _address(url), yes=yes))
    if as_json:
        changes = [asdict(change) for change in plan.changes]
        told = {"changes": changes, "notes": plan.notes, "applied": yes}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        _show(plan, done=yes)


def guarded_rules(bots: Sequence[str] | None) -> list[GuardedRules]:
    """The rules of these bots, or of all under bots/. Raises UsageError if none of them has any."""
    from framework.definition.loader import bot_names, load_bot
    from framework.moderation.at_service import GuardedRules
    from framework.moderation.files import read_moderation

    found = []
    for name in bots or bot_names():
        bot = load_bot(name)
        file = read_moderation(bot.folder)
        if file is not None:
            patterns = file.moderation.channels or bot.definition.channels.join
            found.append(GuardedRules(bot.name, file, tuple(patterns)))
    if not found:
        raise UsageError("no bot has a moderation.yaml", hint="docs/moderation.md says how to write one.")
    return found


def default_address(settings: Settings) -> str:
    """Where a sandbox on this machine reaches us; empty where only the operator knows it."""
    from urllib.parse import urlsplit

    host = urlsplit(settings.base_url).hostname
    return f"http://{settings.webhook}" if settings.webhook and host in {"127.0.0.1", "localhost"} else ""


async def planned(guards: Sequence[GuardedRules], address: str) -> tuple[SettingsPlan, CurrentSettings]:
    """What is to change at the chat service, and what is set there now. `address` is where we are reached."""
    async with executing() as execute:
        return await _compare(guards, address, execute)


async def _apply(guards: Sequence[GuardedRules], url: str, *, yes: bool) -> SettingsPlan:
    from framework.settings import load_settings

    async with executing() as execute:
        plan, _ = await _compare(guards, url or default_address(load_settings()), execute)
        for change in plan.changes if yes else ():
            await execute(change.operation, change.arguments)
        return plan


async def _compare(
    guards: Sequence[GuardedRules], address: str, execute: Execute
) -> tuple[SettingsPlan, CurrentSettings]:
    from framework.moderation.at_service import CurrentSettings, plan_settings

    lists = dict.fromkeys(name for guard in guards for name in guard.file.lists)
    now = await CurrentSettings.read(execute, lists)
    return plan_settings(guards, now, address=address), now


@asynccontextmanager
async def executing() -> AsyncIterator[Execute]:
    """Operations with the app's rights, each in the audit log."""
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.preparation import OperationCall
    from framework.cli.ops_call import opened

    async with opened(Catalog.load(), yes=True) as (toolbox, policy):

        async def execute(operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            return (await toolbox.executor.execute(policy, OperationCall(operation, dict(arguments)))).body

        yield execute


def _address(url: str) -> str:
    from urllib.parse import urlsplit

    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is not an address.", hint="Write it as https://bots.shop.example, without a path.")
    return url.rstrip("/")


def _show(plan: SettingsPlan, *, done: bool) -> None:
    for change in plan.changes:
        for line in change.lines:
            sys.stdout.write(f"{'done' if done else 'would'}  {line}\n")
    for note in plan.notes:
        sys.stdout.write(f"note   {note}\n")
    if not plan.changes:
        sys.stdout.write("Nothing to change: the chat service is set up as the rules need it.\n")
    elif not done:
        sys.stdout.write("Nothing was changed. --yes does it.\n")
