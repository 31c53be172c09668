"""`test` and `record`: conversation tests, and new ones from real channels."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framework.cli.bot_argument import BotName
from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from framework.definition.model import Bot
    from framework.errors import DefinitionError
    from framework.settings import Settings
    from framework.stream.model import ChannelRef
    from framework.testing.outcome import TestResult
    from framework.testing.scenario import Test

_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "bold red"), "error": ("✗", "bold red"), "skipped": ("–", "yellow")}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("test")(run_tests)
    app.command()(record)


def run_tests(
    bot: BotName,
    only: Annotated[
        str | None, typer.Option("--only", "-k", help="Only tests whose name or file contains this.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit XML report to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with every conversation to this file.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every conversation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Run a bot's conversation tests (conversations/*.yaml): its whole pipeline, a sandbox in memory, virtual time.

    Ends with 1 when a test fails.
    """
    from framework.app.environment import logging_for, prepare_data
    from framework.definition.loader import load_bot
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings, level="error")
    loaded = load_bot(bot)
    tests, broken = _chosen(loaded, only)
    prepare_data(settings.data)
    results = []
    for result in (*_not_played(broken), *(_play(one, loaded, settings) for one in tests)):
        results.append(result)
        if not as_json:
            _show(result, verbose=verbose)
    _report(results, loaded.name, junit, html)
    if as_json:
        sys.stdout.write(json.dumps([_record(result) for result in results], ensure_ascii=False, indent=2) + "\n")
    else:
        _sum_up(results)
    if any(result.verdict in {"failed", "error"} for result in results):
        raise typer.Exit(1)


def record(
    bot: BotName,
    channel: Annotated[str, typer.Option(help="The channel, as TYPE:ID.")],
    last: Annotated[int, typer.Option(min=1, max=300, help="How many messages to read.")] = 30,
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
) -> None:
    """Make a conversation test of what was said in a real channel. People get made-up ids. Read it over."""
    from framework.app.environment import logging_for, prepare_data
    from framework.definition.loader import load_bot
    from framework.settings import load_settings
    from framework.stream.model import ChannelRef
    from framework.testing.report import write

    settings = load_settings()
    logging_for(settings, level="warning")
    where, loaded = ChannelRef.parse(channel), load_bot(bot)
    prepare_data(settings.data)
    text = asyncio.run(_read(loaded, settings, where, last))
    if output is None:
        sys.stdout.write(text)
    else:
        write(output, text)


async def _read(bot: Bot, settings: Settings, channel: ChannelRef, last: int) -> str:
    from contextlib import AsyncExitStack

    from framework.app.local_sandbox import local_sandbox
    from framework.stream.factory import open_chat_service
    from framework.testing.record import record as record_channel

    async with AsyncExitStack() as stack:
        if not settings.has_stream:
            settings = await stack.enter_async_context(local_sandbox(settings))
        service = open_chat_service(settings, bot.definition.identity)
        stack.push_async_callback(service.close)
        return await record_channel(service, bot.definition, channel, last=last)


def _chosen(bot: Bot, only: str | None) -> tuple[Sequence[Test], Mapping[Path, DefinitionError]]:
    """The tests to play, and what is wrong with files that cannot be read: they fail, and the others are played."""
    from framework.testing.scenario import FOLDER, load_each

    tests, broken = load_each(bot.folder)
    if not tests and not broken:
        raise UsageError(
            f"{bot.name} has no conversation tests.", hint=f"Write one to {bot.folder / FOLDER / 'greeting.yaml'}."
        )
    if only is not None:
        tests = tuple(one for one in tests if only.casefold() in f"{one.name} {one.file.stem}".casefold())
        broken = {file: error for file, error in broken.items() if only.casefold() in file.stem.casefold()}
        if not tests and not broken:
            raise UsageError(f"No conversation test of {bot.name} is called like {only!r}.")
    return tests, broken


def _not_played(broken: Mapping[Path, DefinitionError]) -> Iterator[TestResult]:
    from framework.testing.outcome import TestResult
    from framework.testing.scenario import broken_test

    for file, error in broken.items():
        yield TestResult(broken_test(file), "error", reason=str(error))


def _play(one: Test, bot: Bot, settings: Settings) -> TestResult:
    from framework.testing.playing import play

    return play(one, bot, settings)


def _show(result: TestResult, *, verbose: bool) -> None:
    """A line for each test; for one that failed, what happened and what was expected."""
    from rich.text import Text

    from framework.cli.screen import out
    from framework.testing.report import transcript_line

    mark, style = _MARKS[result.verdict]
    line = Text.assemble((f"{mark} ", style), result.test.name, (f"  {result.seconds:.2f} s", "dim"))
    out().print(line, soft_wrap=True)
    if result.reason:
        out().print(Text("    " + result.reason.replace("\n", "\n    "), style="yellow"), soft_wrap=True)
    if verbose or result.failures:
        for happened in result.lines:
            out().print(Text("    " + transcript_line(happened).replace("\n", "\n      "), style="dim"), soft_wrap=True)
    for failure in result.failures:
        out().print(Text.assemble("    ", (f"{failure.where}: ", "cyan"), (failure.what, "red")), soft_wrap=True)


def _sum_up(results: Sequence[TestResult]) -> None:
    from rich.text import Text

    from framework.cli.screen import out

    parts = []
    for verdict, (_, style) in _MARKS.items():
        number = sum(result.verdict == verdict for result in results)
        if number:
            parts.append((f"{number} {'could not run' if verdict == 'error' else verdict}", style))
    text = Text(", ").join(Text(words, style=style) for words, style in parts)
    text.append(f" in {sum(result.seconds for result in results):.1f} s", style="dim")
    out().print(text)


def _report(results: Sequence[TestResult], bot: str, junit: Path | None, html: Path | None) -> None:
    from framework.testing import report

    if junit is not None:
        report.write(junit, report.junit(results, bot))
    if html is not None:
        report.write(html, report.html(results, bot))


def _record(result: TestResult) -> dict[str, object]:
    return {
        "name": result.test.name,
        "file": str(result.test.file),
        "verdict": result.verdict,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "failures": [{"where": str(failure.where), "what": failure.what} for failure in result.failures],
    }
