"""`explain`: what holds for a bot in one channel, and where each value was said."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli.bot_argument import BotName
from framework.errors import UsageError
from framework.values import Json, Untyped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from framework.definition.model import Bot
    from framework.definition.origins import ValueOrigin

_HIDDEN = "•••"
_WIDEST = 10_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    bot: BotName,
    channel: Annotated[str, typer.Argument(metavar="TYPE:ID", help="The channel, as in messaging:vip-7.")],
    everything: Annotated[bool, typer.Option("--all", help="Show the defaults too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show what holds for a bot in one channel: each value, and the line that says it."""
    from framework.definition.loader import load_bot
    from framework.definition.origins import origins

    if not re.fullmatch(r"[a-zA-Z0-9_-]+:[^:,%\s*?]+", channel):
        raise UsageError(f"{channel!r} is not TYPE:ID.", hint="Name one channel in full, as in messaging:support-123.")
    loaded = load_bot(bot)
    values = origins(loaded, channel)
    if as_json:
        sys.stdout.write(json.dumps(_record(loaded, channel, values), ensure_ascii=False, indent=2) + "\n")
        return
    _show_place(loaded, channel)
    _show_values(values, everything=everything)


def presence(bot: Bot, cid: str) -> tuple[bool, str]:
    """Return whether the bot is in the channel, and why."""
    from fnmatch import fnmatchcase

    channels = bot.definition.channels
    if cid in channels.create:
        return True, "channels.create makes it, and the bot joins it"
    pattern = next((pattern for pattern in channels.join if fnmatchcase(cid, pattern)), None)
    if pattern is None:
        return False, f"channels.join has no pattern for it ({', '.join(channels.join)})"
    fields = ", ".join(f"{name} = {value}" for name, value in channels.where.items())
    only = f", if its custom fields say {fields}" if fields else ""
    if not channels.automatic:
        return True, f"{pattern} matches{only}, once somebody adds the bot (channels.automatic is false)"
    return True, f"{pattern} matches{only}"


def _record(bot: Bot, cid: str, values: Sequence[ValueOrigin]) -> dict[str, Any]:
    from framework.definition.overrides import matching

    there, why = presence(bot, cid)
    return {
        "bot": bot.name,
        "channel": cid,
        "present": there,
        "reason": why,
        "overrides": list(matching(bot.definition, cid)),
        "values": [
            {
                "key": value.name,
                "value": _plain(value),
                "source": "default" if value.where is None else "override" if value.pattern else "bot.yaml",
                "pattern": value.pattern,
                "file": str(value.where.file) if value.where else None,
                "line": value.where.line if value.where else None,
                "column": value.where.column if value.where else None,
            }
            for value in values
        ],
    }


def _plain(origin: ValueOrigin) -> Json:
    """A value as bot.yaml would have it. What may be a secret is not shown."""
    if {"headers", "environment"} & set(origin.path) and origin.path[0] == "mcp_servers":
        return origin.value if not isinstance(origin.value, str) or "${" in origin.value else _HIDDEN
    return _written(origin.value)


def _written(value: object) -> Json:
    from datetime import timedelta

    from framework.definition.parts.part import Part
    from framework.definition.reading.problems import duration

    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, Part):
        said = {name: _written(inner) for name, inner in value if name in value.model_fields_set}
        return said["name"] if list(said) == ["name"] else said["on"] if list(said) == ["on"] else said
    return [_written(item) for item in value] if isinstance(value, (list, tuple)) else value


def _show_place(bot: Bot, cid: str) -> None:
    from rich.text import Text

    from framework.cli.screen import out
    from framework.definition.overrides import matching

    there, why = presence(bot, cid)
    patterns = matching(bot.definition, cid)
    mark = ("● in it: ", "bold green") if there else ("○ not in it: ", "bold yellow")
    out().print(Text.assemble((bot.name, "bold"), " in ", (cid, "bold")))
    out().print(Text.assemble("  ", mark, why), soft_wrap=True)
    if patterns:
        order = " → ".join(patterns)
        line = Text.assemble("  overrides: ", (order, "magenta"), " (the last one wins)" * (len(patterns) > 1))
        out().print(line, soft_wrap=True)
    elif bot.definition.overrides:
        out().print("  overrides: none of them matches", style="dim")
    out().print()


def _show_values(values: Iterable[ValueOrigin], *, everything: bool) -> None:
    from framework.cli.screen import out

    said = sorted((value for value in values if value.where), key=_line)
    rest = [value for value in values if not value.where]
    if said:
        _print_table(said)
    else:
        out().print("Nothing is said in bot.yaml: all values are defaults.")
    if everything:
        out().print()
        _print_table(rest, style="dim")
    else:
        out().print(f"\n{len(rest)} other values are defaults; --all shows them.", style="dim")


def _print_table(values: Iterable[ValueOrigin], *, style: str | None = None) -> None:
    """As wide as the terminal; where no person is looking, as wide as it needs, so that lines can be searched."""
    from rich.console import Console
    from rich.measure import Measurement

    from framework.cli.screen import out

    console, table = out(), _table(values)
    if not console.is_terminal:
        wide = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
        console = Console(highlight=False, width=wide)
    console.print(table, style=style)


def _line(value: ValueOrigin) -> tuple[bool, int, int]:
    """Overrides first, as they are what one looks for; then the order of the file."""
    where = value.where
    return value.pattern is None, (where.line if where else 0) or 0, (where.column if where else 0) or 0


def _table(values: Iterable[ValueOrigin]) -> Untyped:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("value", no_wrap=True)
    table.add_column("is", overflow="fold")
    table.add_column("from", overflow="fold")
    for value in values:
        plain = _plain(value)
        shown = plain if isinstance(plain, str) and plain else json.dumps(plain, ensure_ascii=False)
        source = Text()
        if value.pattern:
            source.append(f"{value.pattern} ", style="magenta")
        source.append(f"{value.where.file.name}:{value.where.line}" if value.where else "default", style="dim")
        table.add_row(Text(value.name, style="cyan"), Text(shown), source)
    return table
