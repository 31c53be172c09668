"""What is wrong with the words of a command line, said as every other error is."""

from __future__ import annotations

from typing import Any

import typer

from framework.called import called_as
from framework.errors import UsageError

WrongWords: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What Typer raises: it names the class nowhere."""


def told(error: Exception) -> UsageError | None:
    """Return the error for people. None if nothing is wrong but that a command was left out: its help is shown."""
    wrong: Any = error
    context = getattr(wrong, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        wrong.show()
        return None
    command = f"{context.command_path if context is not None else called_as()} --help"
    what = str(wrong.format_message()).strip()
    return UsageError(what if what.endswith((".", "?", "!")) else f"{what}.", hint=f"`{command}` tells what it takes.")
