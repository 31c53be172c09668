"""`check`: find out whether everything about these bots is right, before anyone writes to them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from framework.called import called_as
from framework.cli.bot_argument import complete_bot
from framework.cli.check_journal import journal_findings
from framework.cli.check_knowledge import index_findings, knowledge_findings
from framework.cli.check_moderation import online_findings
from framework.cli.finding import CheckFinding, show_findings
from framework.errors import FrameworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from framework.definition.model import Bot
    from framework.settings import Settings
    from framework.tools.mcp_servers.targets import Target

_SANDBOX = "the sandbox, since STREAM_API_KEY is not set"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    bots: Annotated[
        list[str] | None,
        typer.Argument(help="Names under bots/ or paths; all under bots/ without any.", autocompletion=complete_bot),
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also see whether model, chat service and MCP servers can be reached.")
    ] = False,
    accept_tools: Annotated[
        bool, typer.Option("--accept-tools", help="With --online: pin the tools of MCP servers as they are now.")
    ] = False,
    knowledge: Annotated[
        bool, typer.Option("--knowledge", help="Also list what was understood of each article.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check bots: definition, prompts, tools, knowledge, conversation tests; with --online what they connect to.

    Ends with 1 when anything is wrong. Warnings do not count as wrong.
    """
    if accept_tools and not online:
        raise UsageError("--accept-tools asks the servers for their tools.", hint="Add --online.")
    findings = list(_look(bots, online=online, accept_tools=accept_tools, each=knowledge))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2) + "\n")
    else:
        show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _look(bots: list[str] | None, *, online: bool, accept_tools: bool, each: bool) -> Iterator[CheckFinding]:
    from framework.app.environment import logging_for
    from framework.definition.loader import bot_names, bots_folder
    from framework.settings import load_settings

    try:
        settings = load_settings()
        logging_for(settings, level="error")  # What is doubtful stands in the findings.
    except FrameworkError as error:
        yield CheckFinding("environment", "settings", ok=False, detail=str(error))
        return
    names = bots or bot_names()
    if not names:
        detail = f"There are no bots under {bots_folder()}.\n  Make one: {called_as()} new my_bot"
        yield CheckFinding("bots", "folder", ok=False, detail=detail)
    for name in names:
        yield from _check_bot(name, settings, online=online, accept_tools=accept_tools, each=each)
    if online:
        yield from journal_findings(settings)


def _check_bot(name: str, settings: Settings, *, online: bool, accept_tools: bool, each: bool) -> list[CheckFinding]:
    from framework.definition.loader import load_bot

    try:
        bot = load_bot(name)
    except FrameworkError as error:
        return [CheckFinding(name, "definition", ok=False, detail=str(error)), *_beside(name)]
    return look_at(bot, settings, online=online, accept_tools=accept_tools, each=each)


def look_at(
    bot: Bot, settings: Settings, *, online: bool, accept_tools: bool = False, each: bool = False, quick: bool = False
) -> list[CheckFinding]:
    """Look at the parts of a bot that was loaded. Blocks while its model and servers are asked.

    `quick`: neither the model nor the chat service is asked, and articles are not read anew.
    """
    from framework.runtime.team.channels import team_channels

    parts: list[tuple[str, Callable[[Bot, Settings], str]]] = [
        ("tools", _tools),
        ("tests", _conversations),
        ("moderation", _moderation),
        ("campaigns", _campaigns),
        ("model", _reach_model if online else _model),
        ("chat service", _reach_chat if online else _chat_service),
    ]
    if online and settings.has_stream and team_channels(bot.definition):
        parts.append(("team channels", _team_channels))
    if bot.definition.mcp_servers:
        reach = _accept_servers if accept_tools else _reach_servers
        parts.append(("mcp servers", reach if online else _servers))
    if not (bot.folder / "moderation.yaml").is_file():
        parts = [one for one in parts if one[0] != "moderation"]
    if not (bot.folder / "campaigns").is_dir():
        parts = [one for one in parts if one[0] != "campaigns"]
    if quick:
        parts = [one for one in parts if one[0] not in {"model", "chat service"}]
    findings = [CheckFinding(bot.name, "definition", ok=True, detail=_summary(bot))]
    findings += [
        CheckFinding(bot.name, "warning", ok=True, detail=str(warning), warning=True) for warning in bot.warnings
    ]
    for part, look in parts:
        try:
            findings.append(CheckFinding(bot.name, part, ok=True, detail=look(bot, settings)))
        except FrameworkError as error:
            findings.append(CheckFinding(bot.name, part, ok=False, detail=str(error)))
        if part == "tools":
            findings += index_findings(bot, settings) if quick else knowledge_findings(bot, settings, each=each)
    if online and settings.has_stream and any(one.part == "moderation" and one.ok for one in findings):
        findings += online_findings(bot, settings)
    return findings


def _beside(name: str) -> Iterator[CheckFinding]:
    """What is wrong in the files beside a bot.yaml that is wrong itself, so that all is told at once."""
    from framework.definition.loader import find_bot
    from framework.testing.scenario import load_tests
    from framework.tools.registry import import_file

    try:
        folder = find_bot(name)
    except FrameworkError:
        return  # The first finding says that there is no such bot.
    tools = folder / "tools.py"
    looks: list[tuple[str, Callable[[], object]]] = [("tests", lambda: load_tests(folder))]
    if tools.is_file():
        looks.insert(0, ("tools", lambda: import_file(folder.name, tools)))
    for part, look in looks:
        try:
            look()
        except FrameworkError as error:
            yield CheckFinding(name, part, ok=False, detail=str(error))


def _summary(bot: Bot) -> str:
    definition = bot.definition
    overrides = f"; overrides for {', '.join(definition.overrides)}" if definition.overrides else ""
    return (
        f"{definition.identity.user_id} in {', '.join(definition.channels.join)}; prompt {definition.prompt}{overrides}"
    )


def _tools(bot: Bot, settings: Settings) -> str:
    from framework.tools.registry import load_tools

    # The channels with overrides may have tools that no other has.
    names = dict.fromkeys(tool.name for there in _everywhere(bot) for tool in load_tools(there))
    listed = [*names, *(name for name in bot.definition.tool_names if name not in names)]
    return ", ".join(listed) or "none"


def _everywhere(bot: Bot) -> list[Bot]:
    """The bot without overrides, and with each one of them."""
    from dataclasses import replace

    from framework.definition.overrides import merged

    patterns = [pattern for pattern, block in bot.definition.overrides.items() if block.tools]
    return [bot, *(replace(bot, definition=merged(bot.definition, (pattern,))) for pattern in patterns)]


def _conversations(bot: Bot, settings: Settings) -> str:
    from framework.testing.scenario import FOLDER, load_tests

    tests = load_tests(bot.folder)
    if not tests:
        return f"none; write one into {FOLDER}/, and play it with `test {bot.name}`"
    return f"{len(tests)}; play them with `test {bot.name}`"


def _campaigns(bot: Bot, _settings: Settings) -> str:
    """Read all campaigns. Raises DefinitionError for what is wrong in any of them."""
    from framework.campaigns.files import campaign_names, read_campaign
    from framework.definition.reading.problems import together
    from framework.errors import DefinitionError

    problems: list[DefinitionError] = []
    names = campaign_names(bot)
    for name in names:
        try:
            read_campaign(bot, name)
        except DefinitionError as error:
            problems.append(error)
    if problems:
        raise together(problems)
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _moderation(bot: Bot, settings: Settings) -> str:
    from framework.errors import DefinitionError
    from framework.moderation.examples import FILE, run_examples
    from framework.moderation.files import read_moderation

    file = read_moderation(bot.folder)
    if file is None:
        return "none"
    results = list(run_examples(bot.folder, file))
    for one in results:
        if one.wrong:
            raise DefinitionError(f"{one.example.text!r}: {one.wrong}", where=one.where)
    terms = sum(len(found) for found in file.terms.values())
    tried = f"{len(results)} messages that test it come out as they should" if results else f"no {FILE}"
    return f"{len(file.moderation.rules)} rules, {terms} terms; {tried}"


def _model(bot: Bot, settings: Settings) -> str:
    from framework.agent.models.setup import build_model, choose_model, require_embedded

    choice = choose_model(bot.definition.model, settings)
    with _at_the_model(bot):
        if choice.is_embedded:
            require_embedded(bot.definition.model, settings)
        else:
            build_model(choice, bot.definition.model, settings)
    return choice.label


@contextmanager
def _at_the_model(bot: Bot) -> Iterator[None]:
    """Point at the line of bot.yaml that chose a model which cannot be used."""
    from framework.errors import DefinitionError, ModelError

    try:
        yield
    except ModelError as error:
        if bot.document is None or not bot.document.locate(("model",)):
            raise
        place = bot.document.position(("model", "name"))
        what = f"{error.where}: {error.what}" if error.where else error.what
        raise DefinitionError(what, where=place, hint=error.hint) from None


def _reach_model(bot: Bot, settings: Settings) -> str:
    from framework.agent.models.check import check_model

    started = time.monotonic()
    with _at_the_model(bot):
        told = _run(check_model(bot.definition.model, settings))
    return f"{told} ({time.monotonic() - started:.1f} s)"


def _chat_service(bot: Bot, settings: Settings) -> str:
    from framework.settings import require_stream_in_production

    require_stream_in_production(settings)
    return settings.base_url if settings.has_stream else _SANDBOX


def _reach_chat(bot: Bot, settings: Settings) -> str:
    if not settings.has_stream:
        return _chat_service(bot, settings)
    from framework.stream.factory import open_chat_service

    async def reach() -> str:
        service = open_chat_service(settings, bot.definition.identity)
        try:
            await service.open()
        finally:
            await service.close()
        return f"{settings.base_url} accepts the key"

    return _run(reach())


def _team_channels(bot: Bot, settings: Settings) -> str:
    """See whether the channels for the team are the team's. Raises DefinitionError for one that is not."""
    from framework.errors import ChatServiceError, DefinitionError
    from framework.runtime.team.channels import REMEDY, team_channels, trouble
    from framework.stream.factory import open_chat_service
    from framework.stream.failure import MISSING

    async def look() -> str:
        found: list[str] = []
        service = open_chat_service(settings, bot.definition.identity)
        try:
            for channel, team in team_channels(bot.definition).items():
                try:
                    reason = await trouble(service, bot.definition.identity.user_id, team, channel)
                except ChatServiceError as error:
                    if error.code != MISSING:
                        raise
                    found.append(f"{channel} is made at the bot's start")
                    continue
                if reason is not None:
                    place = bot.document.position(("handover", "alert")) if bot.document else None
                    raise DefinitionError(reason, where=place, hint=REMEDY)
                found.append(f"{channel} is the team's")
        finally:
            await service.close()
        return ", ".join(found)

    return _run(look())


def _servers(bot: Bot, settings: Settings) -> str:
    return ", ".join(target.name for target in _targets(bot)) + "; --online sees whether they answer"


def _targets(bot: Bot) -> tuple[Target, ...]:
    import os

    from framework.errors import Position
    from framework.tools.mcp_servers.targets import targets

    document = bot.document
    place = document.position if document else lambda key: Position(bot.folder / "bot.yaml")
    return targets(bot.definition.mcp_servers, os.environ, place)


def _accept_servers(bot: Bot, settings: Settings) -> str:
    from framework.app.environment import prepare_data
    from framework.tools.mcp_servers.tool_pins import ToolPins

    prepare_data(settings.data)
    for target in _targets(bot):
        ToolPins(settings.data).forget(target)
    return _reach_servers(bot, settings)


def _reach_servers(bot: Bot, settings: Settings) -> str:
    from framework.app.environment import prepare_data
    from framework.errors import ToolError
    from framework.tools.mcp_servers.servers import McpTools

    prepare_data(settings.data)

    async def reach() -> str:
        counts: list[str] = []
        connection = McpTools(_targets(bot), settings.data)
        try:
            for name in bot.definition.mcp_servers:
                found = await connection.tools((f"{name}/*",))
                place = bot.document.position(("mcp_servers", name)) if bot.document else None
                if changed := connection.changed(name):
                    raise ToolError(
                        f"The MCP server {name!r} tells other things than before of: {', '.join(changed)}.",
                        where=place,
                        hint="They are not handed on. Read what the server says now; `--accept-tools` accepts it.",
                    )
                if not found:
                    raise ToolError(
                        f"The MCP server {name!r} {_state(connection.trouble(name))}.",
                        where=place,
                        hint="Look at its `url` or `command`, and at its headers; then try again.",
                    )
                counts.append(f"{name} has {len(found)} tools, pinned as {connection.digest(name)}")
        finally:
            await connection.aclose()
        return ", ".join(counts)

    return _run(reach())


def _state(trouble: str) -> str:
    return f"cannot be reached: {trouble}" if trouble else "has no tools"


def _run(work: Coroutine[None, None, str]) -> str:
    return asyncio.run(work)
