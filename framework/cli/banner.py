"""What `run` shows when everything is up: where to talk to the bot, what answers, what is kept where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.called import called_as
from framework.cli.screen import out

if TYPE_CHECKING:
    from framework.app.serving import Ready

EMBEDDED = "embedded: quotes the bot's articles and invents nothing. Set OPENAI_API_KEY for a language model."


def show_ready(ready: Ready, seconds: float) -> None:
    """Print the banner. `seconds`: how long the start took."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    bots = ready.bots
    names = ", ".join(bot.definition.identity.name for bot in bots)
    title = Text.assemble(
        ("● ", "green"), (f"{names} ", "bold"), ("is" if len(bots) == 1 else "are"), f" ready ({seconds:.1f} s)"
    )
    table = Table.grid(padding=(0, 2))
    for label, value in _rows(ready):
        table.add_row(Text(label, style="dim"), value)
    console = out()
    console.print()
    console.print(title)
    console.print(Padding(table, (0, 0, 1, 2)))
    console.file.flush()


def _rows(ready: Ready) -> list[tuple[str, str]]:
    bots, settings, teammates = ready.bots, ready.settings, ready.teammates
    channels = ", ".join(dict.fromkeys(pattern for bot in bots for pattern in bot.definition.channels.join))
    rows = []
    if ready.sandbox:
        rows.append(("Talk to it" if len(bots) == 1 else "Talk to them", f"[bold underline]{settings.base_url}/[/]"))
        rows += [("Its team", f"[underline]{settings.base_url}/?user={user.id}[/]") for user in teammates]
        rows.append(("Chat", f"sandbox, since no STREAM_API_KEY is set; its keys are in {settings.data}/sandbox.env"))
    else:
        rows.append(("Chat", settings.base_url))
    if settings.admin != "off" and teammates:
        rows.append(("Console", f"[bold]{called_as()} console token {teammates[0].id}[/] prints a link for the team"))
    rows.append(("Channels", channels))
    rows += [("Model", text) for text in dict.fromkeys(map(_model, ready.models.values()))]
    rows.append(("Stop", "Ctrl-C"))
    return rows


def _model(label: str) -> str:
    return EMBEDDED if label == "embedded" else label
