"""`check`: find out whether everything about these bots is right, before anyone writes to them."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from framework.definition.model import Bot
    from framework.settings import Settings

_PART_WIDTH = 14


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is right, and what there is to say about it."""

    bot: str
    part: str
    ok: bool
    detail: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    bots: Annotated[
        list[str] | None, typer.Argument(help="Names under bots/ or paths; all under bots/ without any.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check bots: definition, prompt, tools, knowledge, model, chat service."""
    findings = list(_look(bots))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2) + "\n")
    else:
        _show(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _look(bots: list[str] | None) -> Iterator[Finding]:
    from framework.cli.assembly import logging_for
    from framework.definition.loader import bot_names
    from framework.settings import load_settings

    try:
        settings = load_settings()
        logging_for(settings, level="warning")
    except FrameworkError as error:
        yield Finding("environment", "settings", ok=False, detail=str(error))
        return
    for name in bots or bot_names():
        yield from _check_bot(name, settings)


def _check_bot(name: str, settings: Settings) -> list[Finding]:
    from framework.definition.loader import load_bot

    try:
        bot = load_bot(name)
    except FrameworkError as error:
        return [Finding(name, "definition", ok=False, detail=str(error))]
    parts: list[tuple[str, Callable[[Bot, Settings], str]]] = [
        ("tools", _tools),
        ("knowledge", _knowledge),
        ("model", _model),
        ("chat service", _chat_service),
    ]
    findings = [Finding(bot.name, "definition", ok=True, detail=_summary(bot))]
    for part, look in parts:
        try:
            findings.append(Finding(bot.name, part, ok=True, detail=look(bot, settings)))
        except FrameworkError as error:
            findings.append(Finding(bot.name, part, ok=False, detail=str(error)))
    return findings


def _summary(bot: Bot) -> str:
    definition = bot.definition
    return f"{definition.identity.user_id} in {', '.join(definition.channels.join)}; prompt {definition.prompt}"


def _tools(bot: Bot, settings: Settings) -> str:
    from framework.tools.registry import load_tools

    return ", ".join(tool.name for tool in load_tools(bot)) or "none"


def _knowledge(bot: Bot, settings: Settings) -> str:
    from framework.agent.factory import load_knowledge

    knowledge = load_knowledge(bot, settings)
    if knowledge is None:
        return "none: without a language model the bot cannot answer anything"
    return f"{len(bot.knowledge_files)} articles in {len(knowledge.index.chunks)} passages"


def _model(bot: Bot, settings: Settings) -> str:
    from framework.agent.model import check_model

    return _run(check_model(bot.definition.model, settings))


def _chat_service(bot: Bot, settings: Settings) -> str:
    if not settings.has_stream:
        return "the sandbox, since STREAM_API_KEY is not set"
    from framework.stream.factory import open_chat_service

    async def reach() -> str:
        service = open_chat_service(settings, bot.definition.identity)
        try:
            await service.open()
        finally:
            await service.close()
        return f"{settings.base_url} accepts the key"

    return _run(reach())


def _run(work: Coroutine[None, None, str]) -> str:
    return asyncio.run(work)


def _show(findings: list[Finding]) -> None:
    """A bot, and below it a line a part. Long lines stay whole, so that a path in one can be copied and searched."""
    from rich.text import Text

    from framework.cli.screen import out

    previous = ""
    for finding in findings:
        if finding.bot != previous:
            out().print(Text(finding.bot, style="bold"), soft_wrap=True)
            previous = finding.bot
        mark = Text("  ✓ ", style="green") if finding.ok else Text("  ✗ ", style="bold red")
        detail = finding.detail.replace("\n", "\n" + " " * (4 + _PART_WIDTH))
        part = f"{finding.part:<{_PART_WIDTH}}"
        out().print(Text.assemble(mark, part, (detail, "" if finding.ok else "red")), soft_wrap=True)
