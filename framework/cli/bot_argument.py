"""The argument BOT of commands."""

from __future__ import annotations

from typing import Annotated

import typer


def complete_bot(incomplete: str) -> list[str]:
    """Return the names under bots/ that begin so, for a shell that completes a command."""
    from framework.definition.loader import bot_names

    return [name for name in bot_names() if name.startswith(incomplete)]


BotName = Annotated[
    str,
    typer.Argument(
        metavar="BOT",
        help="A name under bots/, or a path to a folder with a bot.yaml.",
        autocompletion=complete_bot,
        show_default=False,
    ),
]
