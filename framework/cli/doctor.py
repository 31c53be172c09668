"""`doctor`: look at the whole set-up, say what is wrong and what to do, and mend what can be mended without harm."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from framework.app.doctor.finding import HealthFinding
    from framework.cli.finding import CheckFinding
    from framework.definition.model import Bot
    from framework.settings import Settings

_SIGNS = {"ok": ("✓", "green"), "doubtful": ("!", "yellow"), "wrong": ("✗", "bold red")}
_PART_WIDTH = 19


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    bots: Annotated[
        list[str] | None, typer.Argument(help="Names under bots/ or paths; all under bots/ without any.")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without harm. Each step is shown first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fix: do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at machine, chat service, database, bots and their models. Ends with 1 when anything is wrong.

    Nothing is changed without --fix.
    """
    findings = asyncio.run(_findings(bots))
    if as_json:
        names = ("group", "part", "state", "detail", "hint")
        shown = [{name: getattr(one, name) for name in names} | {"fixable": bool(one.remedy)} for one in findings]
        sys.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2) + "\n")
    else:
        _show(findings)
    left = [one for one in findings if one.state == "wrong" and not (fix and _mended(one, yes=yes, quiet=as_json))]
    if fix:
        for one in findings:
            if one.state == "doubtful":
                _mended(one, yes=yes, quiet=as_json)
    if left:
        raise typer.Exit(1)


async def _findings(names: list[str] | None) -> list[HealthFinding]:
    from framework.app.doctor.chat import chat_findings
    from framework.app.doctor.finding import wrong
    from framework.app.doctor.journal import nats_findings
    from framework.app.doctor.machine import machine_findings
    from framework.app.doctor.turns import turn_findings
    from framework.app.environment import logging_for
    from framework.cli.check_journal import journal_findings
    from framework.settings import load_settings

    try:
        settings = load_settings()
        logging_for(settings, level="error")  # What is doubtful stands in the findings.
    except FrameworkError as error:
        return _of("settings", [wrong("environment", error.what, error.hint or "")])
    bots, broken = _loaded(names)
    # Bots import much, which would make all that is asked at the same time seem slow.
    machine, chat, turns, nats, journal = await asyncio.gather(
        asyncio.to_thread(lambda: list(machine_findings(settings, bots))),
        _all(chat_findings(settings, bots)),
        turn_findings(settings),
        nats_findings(settings),
        asyncio.to_thread(lambda: [_as_finding(one) for one in journal_findings(settings)]),
    )
    each = await _of_bots(bots, settings)
    return [
        *_of("machine", machine),
        *_of("chat service", chat),
        *_of("database", [*turns, *nats, *journal]),
        *broken,
        *each,
    ]


async def _all(findings: AsyncIterator[HealthFinding]) -> list[HealthFinding]:
    return [one async for one in findings]


def _of(group: str, findings: Iterable[HealthFinding]) -> list[HealthFinding]:
    return [replace(one, group=group) for one in findings]


def _loaded(names: list[str] | None) -> tuple[list[Bot], list[HealthFinding]]:
    from framework.app.doctor.finding import wrong
    from framework.definition.loader import bot_names, load_bot

    bots, broken = [], []
    for name in names or bot_names():
        try:
            bots.append(load_bot(name))
        except FrameworkError as error:
            where = f" ({error.where})" if error.where else ""
            broken += _of(name, [wrong("definition", f"{error.what}{where}", error.hint or "Correct the file there.")])
    return bots, broken


async def _of_bots(bots: list[Bot], settings: Settings) -> list[HealthFinding]:
    """Model with its speed, articles, tools and servers of each bot. All models are asked at once."""
    from framework.app.doctor.model import model_finding
    from framework.cli.check import look_at

    found: list[list[HealthFinding]] = []
    for bot in bots:  # one after the other: they import files
        looked = await asyncio.to_thread(look_at, bot, settings, online=True, quick=True)
        found.append([_as_finding(one) for one in looked])
    models = await asyncio.gather(*(model_finding(bot, settings) for bot in bots))
    told = zip(bots, found, models, strict=True)
    return [one for bot, parts, model in told for one in _of(bot.name, [*parts, model])]


def _as_finding(one: CheckFinding) -> HealthFinding:
    from framework.app.doctor.finding import doubtful, ok, wrong

    what, _, hint = one.detail.partition("\n")
    if one.ok and not one.warning:
        return ok(one.part, one.detail)
    return (doubtful if one.warning else wrong)(one.part, what, hint.strip())


def _mended(finding: HealthFinding, *, yes: bool, quiet: bool) -> bool:
    """Whether what is wrong was mended."""
    from framework.cli.screen import out

    if finding.remedy is None:
        return False
    if not yes and not typer.confirm(f"{finding.part}: {finding.remedy.what}?", default=True, err=True):
        return False
    try:
        finding.remedy.do()
    except OSError as error:
        out().print(f"  ✗ {finding.remedy.what}: {error.strerror}", style="red")
        return False
    if not quiet:
        out().print(f"  ✓ done: {finding.remedy.what}", style="green")
    return True


def _show(findings: list[HealthFinding]) -> None:
    from rich.text import Text

    from framework.cli.screen import out

    group = ""
    for one in findings:
        if one.group != group:
            group = one.group
            out().print(Text(group, style="bold"))
        sign, style = _SIGNS[one.state]
        indent = "\n" + " " * (4 + _PART_WIDTH)
        told = one.detail.replace("\n", indent)
        line = Text.assemble((f"  {sign} ", style), f"{one.part:<{_PART_WIDTH}}", told)
        if one.hint:
            line.append(f"{indent}→ {one.hint}", style="bold" if one.state == "wrong" else "")
        out().print(line, soft_wrap=True)
    count = sum(one.state == "wrong" for one in findings)
    doubts = sum(one.state == "doubtful" for one in findings)
    summary = f"{count} wrong" if count else "Nothing is wrong"
    out().print(Text(f"\n{summary}{f', {doubts} doubtful' if doubts else ''}.", style="bold"))
