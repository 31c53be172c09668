"""What a definition must not say although each word of it is right: settings that contradict or miss one another."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from framework.definition.model import BotDefinition
from framework.definition.operations import OPERATION_TOOLS
from framework.definition.patterns import check_regex

if TYPE_CHECKING:
    from pathlib import Path

    from framework.definition.positions import Key
    from framework.definition.triggers import Trigger


@dataclass(frozen=True)
class Finding:
    """What is wrong at a path, and what to do. A warning is told by `check`; anything else is an error."""

    path: Key
    what: str
    hint: str
    warning: bool = False


Rule = Callable[[BotDefinition], Iterator[Finding]]
_CID = re.compile(r"[a-zA-Z0-9_-]+:[^:,%\s*?]+")
_USERS = re.compile(r"[a-zA-Z0-9@_*?-]+")
_REACTION = re.compile(r"[\w+-]+")
_EVENT = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*")
_OWN_EVENTS = {
    "message.new": "every_message",
    "reaction.new": "reaction",
    "member.added": "member_joined",
    "message.updated": "every_message",
}
_SAY_NAMES = frozenset({"name", "user", "channel", "bot", "person", "date", "time"})
_PHRASE_NAMES = frozenset({"topics", "person"})


def _triggers(definition: BotDefinition) -> Iterator[Finding]:
    if definition.respond_to is not None and definition.triggers:
        yield Finding(
            ("respond_to",),
            "respond_to and triggers say the same thing twice",
            f"Keep one: move `{definition.respond_to}` into `triggers`, or remove `triggers`.",
        )
    for index, trigger in enumerate(definition.triggers):
        yield from _trigger(("triggers", index), trigger)


def _trigger(path: Key, trigger: Trigger) -> Iterator[Finding]:
    if trigger.on in _EXAMPLES and not trigger.values:
        example = _EXAMPLES[trigger.on]
        yield Finding(path, f"the trigger {trigger.on!r} names nothing to look for", f"For example: {example}.")
    if trigger.on == "schedule" and not trigger.cron:
        yield Finding(
            path, "the trigger 'schedule' does not say when", 'For example: schedule: {cron: "0 9 * * 1-5", do: ...}.'
        )
    if trigger.on in {"schedule", "idle", "member_joined"} and not (trigger.do or trigger.say):
        yield Finding(
            path,
            f"the trigger {trigger.on!r} does not say what the bot is to do",
            "There is no message to answer: add `do:` with a task for the model, or `say:` with a text to post.",
        )
    if trigger.do and trigger.say:
        yield Finding((*path, "say"), "`do` and `say` exclude each other", "Keep the one that you mean.")
    yield from _placeholders((*path, "say"), trigger.say, _SAY_NAMES)
    for index, value in enumerate(trigger.values):
        yield from _value((*path, "values", index), trigger.on, value)


_EXAMPLES = {
    "keyword": "keyword: [refund, invoice]",
    "regex": "regex: 'order #\\d+'",
    "command": "command: help",
    "reaction": "reaction: question",
    "button": "button: refund",
    "event": "event: order.shipped",
}


def _value(path: Key, kind: str, value: str) -> Iterator[Finding]:
    if not value.strip():
        yield Finding(path, f"the trigger {kind!r} looks for nothing", "Write a word, or remove the line.")
    elif kind == "regex":
        try:
            check_regex(value)
        except ValueError as error:
            yield Finding(path, str(error), "Regular expressions are those of Python; put them into '...'.")
    elif kind == "command" and not re.fullmatch(r"[\w-]+", value):
        yield Finding(path, f"{value!r} is no command", "A command is one word, as in `command: help`.")
    elif kind == "reaction" and not _REACTION.fullmatch(value):
        yield Finding(path, f"{value!r} is no type of reaction", "Use its name, as in thumbs_up or question.")
    elif kind == "event" and value in _OWN_EVENTS:
        yield Finding(
            path,
            f"{value!r} is no custom event",
            f"Use the trigger `{_OWN_EVENTS[value]}` for it.",
        )
    elif kind == "event" and not _EVENT.fullmatch(value):
        yield Finding(path, f"{value!r} is no type of event", "Write it as in order.shipped.")


def _placeholders(path: Key, text: str, known: frozenset[str]) -> Iterator[Finding]:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        yield Finding(path, f"a brace is not closed: {error}", "Write {{ and }} for braces that are meant to be seen.")
        return
    for name in sorted(names - known):
        near = get_close_matches(name, known, n=1)
        guess = f"Did you mean {{{near[0]}}}? " if near else ""
        listed = ", ".join(f"{{{word}}}" for word in sorted(known))
        yield Finding(path, f"{{{name}}} stands for nothing here", f"{guess}There are: {listed}.")


def _phrases(definition: BotDefinition) -> Iterator[Finding]:
    for name, text in definition.phrases:
        yield from _placeholders(("phrases", name), text, _PHRASE_NAMES)


def _people(definition: BotDefinition) -> Iterator[Finding]:
    lists: list[tuple[Key, tuple[str, ...]]] = [
        (("conditions", "users"), definition.conditions.users),
        (("conditions", "not_users"), definition.conditions.not_users),
        (("team", "users"), definition.team.users),
        *((("tools", index, "users"), rule.users) for index, rule in enumerate(definition.tools)),
    ]
    for path, values in lists:
        for index, value in enumerate(values):
            if not _USERS.fullmatch(value):
                yield Finding(
                    (*path, index), f"{value!r} is no user id", "Letters, digits, @, _ and -; * and ? are wildcards."
                )
    for index, value in enumerate(definition.handover.to):
        if not re.fullmatch(r"[a-zA-Z0-9@_-]+", value):
            yield Finding(("handover", "to", index), f"{value!r} is no user id", "Name people in full, as in `ada`.")
    both = set(definition.conditions.users) & set(definition.conditions.not_users)
    if both:
        yield Finding(
            ("conditions", "not_users"),
            f"{', '.join(sorted(both))}: allowed and refused at once",
            "Remove one of them.",
        )


def _addresses(definition: BotDefinition) -> Iterator[Finding]:
    for path, value in (
        (("drafts", "channel"), definition.drafts.channel),
        (("handover", "alert"), definition.handover.alert),
    ):
        if value and not _CID.fullmatch(value):
            yield Finding(path, f"{value!r} is not TYPE:ID", "Name one channel in full, as in team:support-desk.")


def _hours(definition: BotDefinition) -> Iterator[Finding]:
    for path, hours in (
        (("conditions", "hours"), definition.conditions.hours),
        (("team", "hours"), definition.team.hours),
    ):
        if hours is not None and not any(hours.week):
            yield Finding(
                path, "the hours name no day: it would never be open", "For example: days: {mon-fri: 9:00-17:00}."
            )
    if definition.conditions.outside == "say" and definition.conditions.hours is None:
        yield Finding(
            ("conditions", "outside"),
            "`outside: say` without hours is never said",
            "Add `hours:` to `conditions`, or remove it.",
            warning=True,
        )


def _contradictions(definition: BotDefinition) -> Iterator[Finding]:
    if definition.reply.supersede and definition.drafts.enabled:
        yield Finding(
            ("reply", "supersede"),
            "supersede cannot be used with drafts: the team decides on each answer",
            "Set it to false, or use `reply.merge_within` to answer several quick messages at once.",
        )
    if definition.conditions.quiet_after_person and not (definition.team.users or definition.team.roles):
        yield Finding(
            ("conditions", "quiet_after_person"),
            "nobody is in the team, so that the bot is never quiet for it",
            "Name people under `team: users:`, or roles.",
        )
    if definition.model.base_url and definition.model.name == "embedded":
        yield Finding(
            ("model", "base_url"),
            "the embedded model has no server",
            "Remove base_url, or name a model of that server.",
        )
    if definition.model.name in definition.model.fallbacks:
        yield Finding(
            ("model", "fallbacks"),
            "the model falls back to itself",
            "Name another one, as in [embedded].",
            warning=True,
        )


def _handover(definition: BotDefinition) -> Iterator[Finding]:
    handover = definition.handover
    if handover.enabled:
        if not (handover.to or handover.alert or definition.team.users):
            yield Finding(
                ("handover",),
                "nobody is told of a handover",
                "Name people under `handover: to:` or `team: users:`, or a channel under `handover: alert:`.",
                warning=True,
            )
        if handover.choose == "round_robin" and len(handover.to) == 1:
            yield Finding(
                ("handover", "choose"), "round_robin among one person", "Add more people to `to`.", warning=True
            )
    elif definition.budget.when_spent == "handover" or handover.budget:
        path: Key = ("budget", "when_spent") if definition.budget.when_spent == "handover" else ("handover", "budget")
        yield Finding(path, "handover is not enabled", "Add `enabled: true` below `handover:`, or choose another end.")


def _budget(definition: BotDefinition) -> Iterator[Finding]:
    budget = definition.budget
    free = not (budget.price.input or budget.price.output)
    for name in ("turn", "user_day", "channel_day", "day"):
        if getattr(budget, name).money is not None and free:
            yield Finding(
                ("budget", name, "money"),
                "money is bounded, but the price of tokens is not said",
                "Add `price: {input: 0.25, output: 2.00}` below `budget:`, for a million tokens.",
            )


def _without_effect(definition: BotDefinition) -> Iterator[Finding]:
    for name, switch in (("drafts", "enabled"), ("handover", "enabled"), ("memory", "facts")):
        part = getattr(definition, name)
        idle = sorted(part.model_fields_set - {switch, "tool"})
        if idle and not getattr(part, switch):
            yield Finding(
                (name, idle[0]),
                f"{name}.{idle[0]} has no effect while {name}.{switch} is false",
                f"Add `{switch}: true` below `{name}:`.",
                warning=True,
            )


def _servers(definition: BotDefinition) -> Iterator[Finding]:
    for name, server in definition.mcp_servers.items():
        path: Key = ("mcp_servers", name)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            yield Finding(path, f"{name!r} is no name for a server", "Use letters, digits, _ and -.")
        if server.transport == "http" and not server.url:
            yield Finding(path, "a server over http needs its address", "Add `url: https://mcp.example.com/mcp`.")
        if server.transport == "stdio" and not server.command:
            yield Finding(path, "a server over stdio needs its command", "Add `command: [python, server.py]`.")
        if server.transport == "http" and server.command:
            yield Finding((*path, "command"), "`command` is for stdio", "Remove it, or set `transport: stdio`.")
        for header, value in server.headers.items():
            if header.lower() in {"authorization", "x-api-key", "api-key"} and "${" not in value:
                yield Finding(
                    (*path, "headers", header),
                    f"the secret in {header} stands in the file",
                    'Take it from the environment: "${NAME}".',
                    warning=True,
                )


def _tools(definition: BotDefinition, own: frozenset[str] | None, *, file: bool) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, rule in enumerate(definition.tools):
        path: Key = ("tools", index, "name")
        if rule.name in seen:
            yield Finding(path, f"the tool {rule.name!r} is named twice", "Keep one of them.")
        seen.add(rule.name)
        server, slash, _ = rule.name.partition("/")
        if slash and server not in definition.mcp_servers:
            listed = ", ".join(sorted(definition.mcp_servers)) or "none"
            yield Finding(
                path,
                f"there is no MCP server {server!r}",
                f"{_guess(server, definition.mcp_servers)}Declare it under `mcp_servers:`. There are: {listed}.",
            )
        elif not slash and rule.name not in OPERATION_TOOLS and (not file or own is not None):
            yield from _own_tool(path, rule.name, own, file=file)


def _own_tool(path: Key, name: str, own: frozenset[str] | None, *, file: bool) -> Iterator[Finding]:
    guess = _guess(name, {*(own or ()), *OPERATION_TOOLS})
    if not file:
        yield Finding(
            path,
            f"the tool {name!r} is named, but the bot has no tools.py",
            f"{guess}Write tools.py beside bot.yaml with a function {name}, or remove it from `tools`.",
        )
    elif own is not None and name not in own:
        listed = ", ".join(sorted(own)) or "no tools"
        yield Finding(path, f"tools.py has no tool {name!r}", f"{guess}It has: {listed}.")


def _guess(name: str, known: object) -> str:
    near = get_close_matches(name, list(known) if isinstance(known, (set, dict, frozenset)) else [], n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


def tools_in(file: Path) -> frozenset[str] | None:
    """The names that a tools.py defines, read and not run; None where that cannot be known."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None  # Told when it is imported, with its line.
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                return None
            names |= {alias.asname or alias.name for alias in node.names}
        elif not isinstance(node, ast.Import | ast.Expr | ast.ClassDef | ast.AnnAssign):
            return None  # Names may come from anywhere, as below an `if`.
    return frozenset(name for name in names if not name.startswith("_") and not name.isupper())


def rules(tools_file: Path | None) -> tuple[tuple[frozenset[str], Rule], ...]:
    """All rules, each with the sections that it reads: it can only judge where those are well formed."""
    own = tools_in(tools_file) if tools_file else None
    return (
        (frozenset({"respond_to", "triggers"}), _triggers),
        (frozenset({"phrases"}), _phrases),
        (frozenset({"conditions", "team", "tools", "handover"}), _people),
        (frozenset({"drafts", "handover"}), _addresses),
        (frozenset({"conditions", "team"}), _hours),
        (frozenset({"reply", "drafts", "conditions", "team", "model"}), _contradictions),
        (frozenset({"handover", "team", "budget"}), _handover),
        (frozenset({"budget"}), _budget),
        (frozenset({"drafts", "handover", "memory"}), _without_effect),
        (frozenset({"mcp_servers"}), _servers),
        (frozenset({"tools", "mcp_servers"}), partial(_tools, own=own, file=tools_file is not None)),
    )
