"""`report`: what the bots did in a period, what they could not answer, and what it cost."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli.bot_argument import complete_bot
from framework.errors import FrameworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.app.report.collect import BotReport
    from framework.definition.model import Bot

_LONGEST = timedelta(days=3660)
_MOST_SHOWN = 8


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    since: Annotated[
        str, typer.Option(help="How far back, as in 7d, 24h or 2w; or a day or time, as in 2026-11-01.")
    ] = "7d",
    until: Annotated[str | None, typer.Option(help="Where the period ends, in the same forms. [default: now]")] = None,
    bot: Annotated[str | None, typer.Option(help="One bot's turns.", autocompletion=complete_bot)] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page to this file, for a browser or a printer.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the bots did, what they could not answer, and what it cost, beside the period before.

    The words of questions are read from the channels, and leave this machine by nothing but the page that you write.
    """
    now = datetime.now(UTC)
    start, end = _moment(since, now), now if until is None else _moment(until, now)
    if start >= end:
        raise UsageError("The period ends before it begins.", hint="--since must lie before --until.")
    made = asyncio.run(_collected(start, end, bot))
    if html is not None:
        _write(made, html)
    if as_json:
        sys.stdout.write(json.dumps(_plain(made), ensure_ascii=False, indent=2, default=str) + "\n")
    elif html is None:
        _show(made)


def _moment(text: str, now: datetime) -> datetime:
    """Understand a span back from now, a day, or a time. Without a zone it is this machine's. Raises UsageError."""
    units = {"h": "hours", "d": "days", "w": "weeks"}
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdigit() and unit in units and len(number) < 6:
        span = timedelta(**{units[unit]: int(number)})
        if span <= _LONGEST:
            return now - span
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no period.", hint="Write 24h, 7d or 2w, or a day such as 2026-11-01.") from None


async def _collected(since: datetime, until: datetime, only: str | None) -> BotReport:
    from framework.app.environment import logging_for
    from framework.app.local_sandbox import local_sandbox
    from framework.app.report.collect import collect
    from framework.definition.loader import bot_names, load_bot
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings, level="error")
    bots: list[Bot] = []
    for name in [only] if only else bot_names():
        try:
            bots.append(load_bot(name))
        except FrameworkError as error:
            if only:
                raise
            sys.stderr.write(f"warning: {name} is left out of the questions: {error.what}\n")
    one = bots[0].name if only else None
    if settings.has_stream or not (settings.data / "sandbox.sqlite").exists():
        return await collect(settings, bots, since, until, only=one)
    async with local_sandbox(settings) as at_sandbox:
        return await collect(at_sandbox, bots, since, until, only=one)


def _write(made: BotReport, file: Path) -> None:
    from framework.app.report.page import page

    try:
        file.write_text(page(made), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The page cannot be written: {error.strerror}.", where=str(file), hint="Name another file."
        ) from None
    sys.stderr.write(f"Written: {file}\n")


def _plain(made: BotReport) -> dict[str, Any]:
    value = asdict(made)
    for one in (value["now"], value["before"], *value["bots"].values()):
        one["by_day"] = {str(day): counts for day, counts in one["by_day"].items()}
    return value


def _show(made: BotReport) -> None:
    from rich.text import Text

    from framework.app.report.figures import change
    from framework.app.report.page import shown_seconds, shown_share
    from framework.cli.screen import out

    now, before = made.now, made.before
    out().print(Text(f"{made.since:%Y-%m-%d %H:%M} to {made.until:%Y-%m-%d %H:%M} UTC", style="bold"))
    answered = now.outcomes.get("answered", 0)
    rows = {
        "Turns": f"{now.turns}  {change(now.turns, before.turns)}",
        "With an answer": f"{shown_share(answered, now.answered)} of {now.answered} replies",
        "First text": f"{shown_seconds(now.first_text_median)} median, {shown_seconds(now.first_text_p95)} p95",
        "Handed over": f"{now.outcomes.get('handed_over', 0)}  {_named(now.handovers)}",
        "Silent": f"{now.outcomes.get('silent', 0)}  {_named(now.silences)}",
        "Failed": f"{now.outcomes.get('failed', 0)}",
        "Models": ", ".join(f"{one.bot} on {one.model}: {one.money:.4f}" for one in now.costs) or "none",
    }
    for label, value in rows.items():
        out().print(Text.assemble(f"  {label:<16}", value.rstrip()), soft_wrap=True)
    for name, groups in made.questions.items():
        out().print(Text(f"\n{name}: write these articles next", style="bold"))
        for group in groups[:_MOST_SHOWN]:
            near = f"  (closest: {group.closest})" if group.closest else ""
            out().print(Text(f"  {group.times:>4} ×  {group.examples[0]}{near}"), soft_wrap=True)
    for note in made.notes:
        out().print(Text(f"! {note}", style="yellow"), soft_wrap=True)


def _named(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
